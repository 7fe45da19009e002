{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "number", "to": "number", "type": "text"},
    {"from": "area_code", "to": "area_code", "type": "text"},
    {"from": "company_id", "to": "company_id", "type": "text"},
    {"from": "office_id", "to": "office_id", "type": "text"},
    {"from": "target_id", "to": "target_id", "type": "text"},
    {"from": "target_type", "to": "target_type", "type": "text"},
    {"from": "status", "to": "status", "type": "text"},
    {"from": "type", "to": "type", "type": "text"},
    {"from": "deleted", "to": "is_deleted", "type": "boolean"}
] -%}

{{ dialpad.staging("numbers", source("dialpad", "numbers"), key=["number"], columns=columns) }}
