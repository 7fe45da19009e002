{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "id", "to": "room_id", "type": "text"},
    {"from": "name", "to": "name", "type": "text"},
    {"from": "company_id", "to": "company_id", "type": "text"},
    {"from": "office_id", "to": "office_id", "type": "text"},
    {"from": "country", "to": "country", "type": "text"},
    {"from": "image_url", "to": "image_url", "type": "text"},
    {"from": "is_free", "to": "is_free", "type": "boolean"},
    {"from": "is_on_duty", "to": "is_on_duty", "type": "boolean"},
    {"from": "phone_numbers", "to": "phone_numbers", "type": "json"},
    {"from": "state", "to": "state", "type": "text"}
] -%}

{{ dialpad.staging("rooms", source("dialpad", "rooms"), key=["room_id"], columns=columns) }}
