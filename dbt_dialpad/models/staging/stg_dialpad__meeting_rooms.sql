{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "id", "to": "meeting_room_id", "type": "text"},
    {"from": "display_name", "to": "display_name", "type": "text"},
    {"from": "company_name", "to": "company_name", "type": "text"},
    {"from": "email", "to": "email", "type": "text"},
    {"from": "number", "to": "number", "type": "text"},
    {"from": "path", "to": "path", "type": "text"}
] -%}

{{ dialpad.staging("meeting_rooms", source("dialpad", "meeting_rooms"), key=["meeting_room_id"], columns=columns) }}
