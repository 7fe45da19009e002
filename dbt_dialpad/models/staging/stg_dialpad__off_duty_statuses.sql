{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "office_id", "to": "office_id", "type": "text"},
    {"from": "status", "to": "status", "type": "text"}
] -%}

{{ dialpad.staging("off_duty_statuses", source("dialpad", "off_duty_statuses"), key=["office_id", "status"], columns=columns) }}
