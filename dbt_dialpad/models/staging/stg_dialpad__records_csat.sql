{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "record_key", "to": "record_key", "type": "text"},
    {"from": "scope", "to": "scope", "type": "text"},
    {"from": "window_start", "to": "window_start", "type": "date"},
    {"from": "window_end", "to": "window_end", "type": "date"},
    {"from": "timezone", "to": "timezone", "type": "text"},
    {"from": "other_columns", "to": "other_columns", "type": "json"},
    {"from": "call_id", "to": "call_id", "type": "text"},
    {"from": "response", "to": "response", "type": "text"}
] -%}

{{ dialpad.staging("records_csat", source("dialpad", "records_csat"), key=["record_key"], columns=columns) }}
