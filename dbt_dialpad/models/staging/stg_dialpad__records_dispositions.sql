{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "record_key", "to": "record_key", "type": "text"},
    {"from": "date_started", "to": "started_at", "type": "instant"},
    {"from": "scope", "to": "scope", "type": "text"},
    {"from": "window_start", "to": "window_start", "type": "date"},
    {"from": "window_end", "to": "window_end", "type": "date"},
    {"from": "timezone", "to": "timezone", "type": "text"},
    {"from": "other_columns", "to": "other_columns", "type": "json"},
    {"from": "call_id", "to": "call_id", "type": "text"},
    {"from": "operator_id", "to": "operator_id", "type": "text"},
    {"from": "operator_name", "to": "operator_name", "type": "text"},
    {"from": "operator_email", "to": "operator_email", "type": "text"},
    {"from": "disposition", "to": "disposition", "type": "text"},
    {"from": "direction", "to": "direction", "type": "text"},
    {"from": "external_number", "to": "external_number", "type": "text"},
    {"from": "internal_number", "to": "internal_number", "type": "text"},
    {"from": "date_rang", "to": "rang_at", "type": "instant"},
    {"from": "date_queued", "to": "queued_at", "type": "instant"},
    {"from": "date_connected", "to": "connected_at", "type": "instant"},
    {"from": "date_ended", "to": "ended_at", "type": "instant"},
    {"from": "target_id", "to": "target_id", "type": "text"},
    {"from": "target_kind", "to": "target_kind", "type": "text"},
    {"from": "office_id", "to": "office_id", "type": "text"},
    {"from": "company_id", "to": "company_id", "type": "text"},
    {"from": "salesforce_activity_id", "to": "salesforce_activity_id", "type": "text"},
    {"from": "recording_url", "to": "recording_url", "type": "text"},
    {"from": "note", "to": "note", "type": "text"}
] -%}

{{ dialpad.staging("records_dispositions", source("dialpad", "records_dispositions"), key=["record_key"], columns=columns) }}
