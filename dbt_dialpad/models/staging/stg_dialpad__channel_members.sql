{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "channel_id", "to": "channel_id", "type": "text"},
    {"from": "id", "to": "member_id", "type": "text"},
    {"from": "name", "to": "name", "type": "text"}
] -%}

{{ dialpad.staging("channel_members", source("dialpad", "channel_members"), key=["channel_id", "member_id"], columns=columns) }}
