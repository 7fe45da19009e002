{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "row_key", "to": "row_key", "type": "text"},
    {"from": "scope", "to": "scope", "type": "text"},
    {"from": "window_start", "to": "window_start", "type": "date"},
    {"from": "window_end", "to": "window_end", "type": "date"},
    {"from": "timezone", "to": "timezone", "type": "text"},
    {"from": "other_columns", "to": "other_columns", "type": "json"}
] -%}

{{ dialpad.staging("stats_voicemails", source("dialpad", "stats_voicemails"), key=["window_start", "scope", "row_key"], columns=columns) }}
