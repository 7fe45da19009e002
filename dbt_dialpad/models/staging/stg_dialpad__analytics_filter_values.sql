{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "filter_attribute", "to": "filter_attribute", "type": "text"},
    {"from": "value", "to": "value", "type": "text"},
    {"from": "label", "to": "label", "type": "text"},
    {"from": "snapshot_date", "to": "snapshot_date", "type": "date"}
] -%}

{{ dialpad.staging("analytics_filter_values", source("dialpad", "analytics_filter_values"), key=["filter_attribute", "value"], columns=columns) }}
