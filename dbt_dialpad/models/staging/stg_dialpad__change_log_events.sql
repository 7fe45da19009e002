{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "event_id", "to": "event_id", "type": "text"},
    {"from": "received_at", "to": "received_at", "type": "instant"},
    {"from": "date", "to": "date", "type": "integer"},
    {"from": "date_time", "to": "time_at", "type": "instant"},
    {"from": "action", "to": "action", "type": "text"},
    {"from": "note", "to": "note", "type": "text"},
    {"from": "target", "to": "target", "type": "json"},
    {"from": "target", "to": "target_id", "type": "text", "member": "id"},
    {"from": "target", "to": "target_type", "type": "text", "member": "type"},
    {"from": "target", "to": "target_name", "type": "text", "member": "name"},
    {"from": "target", "to": "target_email", "type": "text", "member": "email"},
    {"from": "target", "to": "target_phone", "type": "text", "member": "phone"},
    {"from": "changed_by", "to": "changed_by", "type": "json"},
    {"from": "changed_by", "to": "changed_by_id", "type": "text", "member": "id"},
    {"from": "changed_by", "to": "changed_by_name", "type": "text", "member": "name"},
    {"from": "changed_by", "to": "changed_by_type", "type": "text", "member": "type"},
    {"from": "additional_data", "to": "additional_data", "type": "json"}
] -%}

{{ dialpad.staging("change_log_events", source("dialpad", "change_log_events"), key=["event_id"], columns=columns) }}
