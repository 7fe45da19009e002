{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "call_id", "to": "call_id", "type": "text"},
    {"from": "date_started", "to": "started_at", "type": "instant"},
    {"from": "target_id", "to": "target_id", "type": "text"},
    {"from": "line_count", "to": "line_count", "type": "integer"},
    {"from": "text", "to": "text", "type": "text"},
    {"from": "lines", "to": "lines", "type": "json"},
    {"from": "moments", "to": "moments", "type": "json"}
] -%}

{{ dialpad.staging("call_transcripts", source("dialpad", "call_transcripts"), key=["call_id"], columns=columns) }}
