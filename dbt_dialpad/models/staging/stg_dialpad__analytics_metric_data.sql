{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "row_key", "to": "row_key", "type": "text"},
    {"from": "metric_id", "to": "metric_id", "type": "text"},
    {"from": "window_start", "to": "window_start_at", "type": "instant"},
    {"from": "window_end", "to": "window_end_at", "type": "instant"},
    {"from": "timezone", "to": "timezone", "type": "text"},
    {"from": "grain", "to": "grain", "type": "text"},
    {"from": "filters", "to": "filters", "type": "json"},
    {"from": "breakdown_attribute", "to": "breakdown_attribute", "type": "text"},
    {"from": "breakdown_value", "to": "breakdown_value", "type": "text"},
    {"from": "measure", "to": "measure", "type": "text"},
    {"from": "presence_status", "to": "presence_status", "type": "text"},
    {"from": "presence_description", "to": "presence_description", "type": "text"},
    {"from": "value", "to": "value", "type": "number"},
    {"from": "value_type", "to": "value_type", "type": "text"}
] -%}

{{ dialpad.staging("analytics_metric_data", source("dialpad", "analytics_metric_data"), key=["row_key"], columns=columns) }}
