{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "label", "to": "label", "type": "text"}
] -%}

{{ dialpad.staging("call_labels", source("dialpad", "call_labels"), key=["label"], columns=columns) }}
