{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "kind", "to": "kind", "type": "text"},
    {"from": "id", "to": "event_subscription_id", "type": "text"},
    {"from": "enabled", "to": "is_enabled", "type": "boolean"},
    {"from": "target_id", "to": "target_id", "type": "text"},
    {"from": "target_type", "to": "target_type", "type": "text"},
    {"from": "direction", "to": "direction", "type": "text"},
    {"from": "status", "to": "is_status", "type": "boolean"},
    {"from": "include_internal", "to": "is_include_internal", "type": "boolean"},
    {"from": "call_states", "to": "call_states", "type": "json"},
    {"from": "group_calls_only", "to": "is_group_calls_only", "type": "boolean"},
    {"from": "contact_type", "to": "contact_type", "type": "text"},
    {"from": "agent_type", "to": "agent_type", "type": "text"},
    {"from": "webhook", "to": "webhook", "type": "json"},
    {"from": "webhook", "to": "webhook_id", "type": "text", "member": "id"},
    {"from": "webhook", "to": "webhook_hook_url", "type": "text", "member": "hook_url"},
    {"from": "websocket", "to": "websocket", "type": "json"},
    {"from": "websocket", "to": "websocket_id", "type": "text", "member": "id"}
] -%}

{{ dialpad.staging("event_subscriptions", source("dialpad", "event_subscriptions"), key=["kind", "event_subscription_id"], columns=columns) }}
