{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "id", "to": "record_id", "type": "text"},
    {"from": "description", "to": "description", "type": "text"},
    {"from": "filters", "to": "filters", "type": "json"},
    {"from": "relatedMetricIds", "to": "relatedmetricids", "type": "json"},
    {"from": "fieldsMetadata", "to": "fieldsmetadata", "type": "json"}
] -%}

{{ dialpad.staging("analytics_record_descriptions", source("dialpad", "analytics_record_descriptions"), key=["record_id"], columns=columns) }}
