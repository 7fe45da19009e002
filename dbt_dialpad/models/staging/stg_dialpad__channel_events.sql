{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "event_id", "to": "event_id", "type": "text"},
    {"from": "received_at", "to": "received_at", "type": "instant"},
    {"from": "event", "to": "event", "type": "json"}
] -%}

{{ dialpad.staging("channel_events", source("dialpad", "channel_events"), key=["event_id"], columns=columns) }}
