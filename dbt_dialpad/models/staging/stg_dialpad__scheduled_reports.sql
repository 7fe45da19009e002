{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "id", "to": "scheduled_report_id", "type": "text"},
    {"from": "name", "to": "name", "type": "text"},
    {"from": "report_type", "to": "report_type", "type": "text"},
    {"from": "enabled", "to": "is_enabled", "type": "boolean"},
    {"from": "frequency", "to": "frequency", "type": "text"},
    {"from": "on_day", "to": "on_day", "type": "integer"},
    {"from": "at", "to": "at_hour", "type": "integer"},
    {"from": "timezone", "to": "timezone", "type": "text"},
    {"from": "target_id", "to": "target_id", "type": "text"},
    {"from": "target_type", "to": "target_type", "type": "text"},
    {"from": "coaching_group", "to": "is_coaching_group", "type": "boolean"},
    {"from": "webhook", "to": "webhook", "type": "json"},
    {"from": "webhook", "to": "webhook_id", "type": "text", "member": "id"},
    {"from": "webhook", "to": "webhook_hook_url", "type": "text", "member": "hook_url"},
    {"from": "websocket", "to": "websocket", "type": "json"},
    {"from": "websocket", "to": "websocket_id", "type": "text", "member": "id"}
] -%}

{{ dialpad.staging("scheduled_reports", source("dialpad", "scheduled_reports"), key=["scheduled_report_id"], columns=columns) }}
