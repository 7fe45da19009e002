{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "id", "to": "contact_id", "type": "text"},
    {"from": "display_name", "to": "display_name", "type": "text"},
    {"from": "first_name", "to": "first_name", "type": "text"},
    {"from": "last_name", "to": "last_name", "type": "text"},
    {"from": "company_name", "to": "company_name", "type": "text"},
    {"from": "job_title", "to": "job_title", "type": "text"},
    {"from": "primary_email", "to": "primary_email", "type": "text"},
    {"from": "emails", "to": "emails", "type": "json"},
    {"from": "primary_phone", "to": "primary_phone", "type": "text"},
    {"from": "phones", "to": "phones", "type": "json"},
    {"from": "extension", "to": "extension", "type": "text"},
    {"from": "urls", "to": "urls", "type": "json"},
    {"from": "owner_id", "to": "owner_id", "type": "text"},
    {"from": "type", "to": "type", "type": "text"},
    {"from": "trunk_group", "to": "trunk_group", "type": "text"}
] -%}

{{ dialpad.staging("contacts", source("dialpad", "contacts"), key=["contact_id"], columns=columns) }}
