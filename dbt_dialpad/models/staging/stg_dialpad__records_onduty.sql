{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "record_id", "to": "record_id", "type": "text"},
    {"from": "date", "to": "occurred_at", "type": "instant"},
    {"from": "scope", "to": "scope", "type": "text"},
    {"from": "window_start", "to": "window_start", "type": "date"},
    {"from": "window_end", "to": "window_end", "type": "date"},
    {"from": "timezone", "to": "timezone", "type": "text"},
    {"from": "other_columns", "to": "other_columns", "type": "json"},
    {"from": "target_id", "to": "target_id", "type": "text"},
    {"from": "availability_status", "to": "availability_status", "type": "text"},
    {"from": "on_duty_status", "to": "on_duty_status", "type": "text"},
    {"from": "reason", "to": "reason", "type": "text"},
    {"from": "name", "to": "name", "type": "text"},
    {"from": "email", "to": "email", "type": "text"},
    {"from": "target_type", "to": "target_type", "type": "text"},
    {"from": "call_center_id", "to": "call_center_id", "type": "text"},
    {"from": "setter_name", "to": "setter_name", "type": "text"},
    {"from": "setter_email", "to": "setter_email", "type": "text"},
    {"from": "setter_role", "to": "setter_role", "type": "text"}
] -%}

{{ dialpad.staging("records_onduty", source("dialpad", "records_onduty"), key=["record_id"], columns=columns) }}
