{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "record_key", "to": "record_key", "type": "text"},
    {"from": "scope", "to": "scope", "type": "text"},
    {"from": "window_start", "to": "window_start", "type": "date"},
    {"from": "window_end", "to": "window_end", "type": "date"},
    {"from": "timezone", "to": "timezone", "type": "text"},
    {"from": "other_columns", "to": "other_columns", "type": "json"}
] -%}

{{ dialpad.staging("scorecard_answers", source("dialpad", "scorecard_answers"), key=["record_key"], columns=columns) }}
