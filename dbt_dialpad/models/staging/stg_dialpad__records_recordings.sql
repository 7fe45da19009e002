{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "record_key", "to": "record_key", "type": "text"},
    {"from": "date", "to": "occurred_at", "type": "instant"},
    {"from": "scope", "to": "scope", "type": "text"},
    {"from": "window_start", "to": "window_start", "type": "date"},
    {"from": "window_end", "to": "window_end", "type": "date"},
    {"from": "timezone", "to": "timezone", "type": "text"},
    {"from": "other_columns", "to": "other_columns", "type": "json"},
    {"from": "call_id", "to": "call_id", "type": "text"},
    {"from": "target_id", "to": "target_id", "type": "text"},
    {"from": "name", "to": "name", "type": "text"},
    {"from": "email", "to": "email", "type": "text"},
    {"from": "operator_id", "to": "operator_id", "type": "text"},
    {"from": "operator_name", "to": "operator_name", "type": "text"},
    {"from": "operator_email", "to": "operator_email", "type": "text"},
    {"from": "external_number", "to": "external_number", "type": "text"},
    {"from": "internal_number", "to": "internal_number", "type": "text"},
    {"from": "recording_url", "to": "recording_url", "type": "text"},
    {"from": "duration", "to": "duration_as_given", "type": "number"}
] -%}

{{ dialpad.staging("records_recordings", source("dialpad", "records_recordings"), key=["record_key"], columns=columns) }}
