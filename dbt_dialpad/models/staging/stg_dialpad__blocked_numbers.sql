{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "number", "to": "number", "type": "text"}
] -%}

{{ dialpad.staging("blocked_numbers", source("dialpad", "blocked_numbers"), key=["number"], columns=columns) }}
