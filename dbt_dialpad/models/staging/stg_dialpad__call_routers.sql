{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "id", "to": "call_router_id", "type": "text"},
    {"from": "name", "to": "name", "type": "text"},
    {"from": "office_id", "to": "office_id", "type": "text"},
    {"from": "enabled", "to": "is_enabled", "type": "boolean"},
    {"from": "routing_url", "to": "routing_url", "type": "text"},
    {"from": "default_target_id", "to": "default_target_id", "type": "text"},
    {"from": "default_target_type", "to": "default_target_type", "type": "text"},
    {"from": "phone_numbers", "to": "phone_numbers", "type": "json"},
    {"from": "signature", "to": "signature", "type": "json"},
    {"from": "signature", "to": "signature_algo", "type": "text", "member": "algo"},
    {"from": "signature", "to": "signature_type", "type": "text", "member": "type"}
] -%}

{{ dialpad.staging("call_routers", source("dialpad", "call_routers"), key=["call_router_id"], columns=columns) }}
