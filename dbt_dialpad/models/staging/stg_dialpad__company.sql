{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "id", "to": "company_id", "type": "text"},
    {"from": "name", "to": "name", "type": "text"},
    {"from": "account_type", "to": "account_type", "type": "text"},
    {"from": "admin_email", "to": "admin_email", "type": "text"},
    {"from": "country", "to": "country", "type": "text"},
    {"from": "domain", "to": "domain", "type": "text"},
    {"from": "office_count", "to": "office_count", "type": "integer"},
    {"from": "state", "to": "state", "type": "text"},
    {"from": "settings", "to": "settings", "type": "json"},
    {"from": "settings", "to": "settings_allow_ai_training", "type": "boolean", "member": "allow_ai_training"},
    {"from": "settings", "to": "settings_has_callai", "type": "boolean", "member": "has_callai"}
] -%}

{{ dialpad.staging("company", source("dialpad", "company"), key=["company_id"], columns=columns) }}
