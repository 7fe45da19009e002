{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "target_type", "to": "target_type", "type": "text"},
    {"from": "target_id", "to": "target_id", "type": "text"},
    {"from": "ivr_type", "to": "ivr_type", "type": "text"},
    {"from": "ivrs", "to": "ivrs", "type": "json"}
] -%}

{{ dialpad.staging("custom_ivrs", source("dialpad", "custom_ivrs"), key=["target_type", "target_id", "ivr_type"], columns=columns) }}
