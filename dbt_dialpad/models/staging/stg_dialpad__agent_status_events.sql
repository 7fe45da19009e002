{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "event_id", "to": "event_id", "type": "text"},
    {"from": "received_at", "to": "received_at", "type": "instant"},
    {"from": "target", "to": "target", "type": "json"},
    {"from": "target", "to": "target_id", "type": "text", "member": "id"},
    {"from": "target", "to": "target_type", "type": "text", "member": "type"},
    {"from": "target", "to": "target_name", "type": "text", "member": "name"},
    {"from": "target", "to": "target_email", "type": "text", "member": "email"},
    {"from": "target", "to": "target_phone", "type": "text", "member": "phone"},
    {"from": "date", "to": "date", "type": "integer"},
    {"from": "date_time", "to": "time_at", "type": "instant"},
    {"from": "event_timestamp", "to": "event_timestamp", "type": "integer"},
    {"from": "event_timestamp_time", "to": "event_timestamp_at", "type": "instant"},
    {"from": "on_duty_status", "to": "on_duty_status", "type": "text"},
    {"from": "on_duty_status_reason", "to": "on_duty_status_reason", "type": "text"},
    {"from": "availability_status", "to": "availability_status", "type": "any"},
    {"from": "call_center_ids", "to": "call_center_ids", "type": "json"},
    {"from": "powerdialer_mode", "to": "is_powerdialer_mode", "type": "boolean"},
    {"from": "powerdialer_session", "to": "powerdialer_session", "type": "text"}
] -%}

{{ dialpad.staging("agent_status_events", source("dialpad", "agent_status_events"), key=["event_id"], columns=columns) }}
