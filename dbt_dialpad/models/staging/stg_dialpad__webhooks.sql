{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "id", "to": "webhook_id", "type": "text"},
    {"from": "hook_url", "to": "hook_url", "type": "text"},
    {"from": "signature", "to": "signature", "type": "json"},
    {"from": "signature", "to": "signature_algo", "type": "text", "member": "algo"},
    {"from": "signature", "to": "signature_type", "type": "text", "member": "type"}
] -%}

{{ dialpad.staging("webhooks", source("dialpad", "webhooks"), key=["webhook_id"], columns=columns) }}
