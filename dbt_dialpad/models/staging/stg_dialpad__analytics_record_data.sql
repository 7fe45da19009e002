{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "record_key", "to": "record_key", "type": "text"},
    {"from": "record_id", "to": "record_id", "type": "text"},
    {"from": "primary_timestamp", "to": "occurred_at", "type": "instant"},
    {"from": "primary_timestamp_name", "to": "primary_timestamp_name", "type": "text"},
    {"from": "value", "to": "value", "type": "any"},
    {"from": "fields", "to": "fields", "type": "json"},
    {"from": "labels", "to": "labels", "type": "json"}
] -%}

{{ dialpad.staging("analytics_record_data", source("dialpad", "analytics_record_data"), key=["record_key"], columns=columns) }}
