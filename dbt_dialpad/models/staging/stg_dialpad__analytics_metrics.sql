{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "id", "to": "metric_id", "type": "text"},
    {"from": "description", "to": "description", "type": "text"},
    {"from": "filters", "to": "filters", "type": "json"},
    {"from": "aggregations", "to": "aggregations", "type": "json"},
    {"from": "relatedRecordIds", "to": "relatedrecordids", "type": "json"}
] -%}

{{ dialpad.staging("analytics_metrics", source("dialpad", "analytics_metrics"), key=["metric_id"], columns=columns) }}
