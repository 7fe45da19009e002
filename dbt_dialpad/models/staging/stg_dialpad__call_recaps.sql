{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "call_id", "to": "call_id", "type": "text"},
    {"from": "date_started", "to": "started_at", "type": "instant"},
    {"from": "date_created", "to": "created_at", "type": "instant"},
    {"from": "date_modified", "to": "modified_at", "type": "instant"},
    {"from": "is_internal_call", "to": "is_internal_call", "type": "boolean"},
    {"from": "source", "to": "source", "type": "text"},
    {"from": "summary", "to": "summary", "type": "text"},
    {"from": "summary_id", "to": "summary_id", "type": "text"},
    {"from": "summary_format", "to": "summary_format", "type": "text"},
    {"from": "summary_edited", "to": "is_summary_edited", "type": "boolean"},
    {"from": "summary_target_short_key", "to": "summary_target_short_key", "type": "text"},
    {"from": "action_items", "to": "action_items", "type": "json"},
    {"from": "purposes", "to": "purposes", "type": "json"},
    {"from": "disposition", "to": "disposition", "type": "json"},
    {"from": "disposition", "to": "disposition_id", "type": "text", "member": "id"},
    {"from": "disposition", "to": "disposition_content", "type": "text", "member": "content"},
    {"from": "disposition", "to": "disposition_format", "type": "text", "member": "format"},
    {"from": "disposition", "to": "disposition_edited", "type": "boolean", "member": "edited"},
    {"from": "disposition", "to": "disposition_target_short_key", "type": "text", "member": "target_short_key"}
] -%}

{{ dialpad.staging("call_recaps", source("dialpad", "call_recaps"), key=["call_id"], columns=columns) }}
