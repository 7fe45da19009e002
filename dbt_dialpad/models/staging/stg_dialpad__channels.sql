{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "id", "to": "channel_id", "type": "text"},
    {"from": "name", "to": "name", "type": "text"}
] -%}

{{ dialpad.staging("channels", source("dialpad", "channels"), key=["channel_id"], columns=columns) }}
