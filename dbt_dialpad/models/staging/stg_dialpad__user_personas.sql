{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "user_id", "to": "user_id", "type": "text"},
    {"from": "type", "to": "type", "type": "text"},
    {"from": "id", "to": "user_persona_id", "type": "text"},
    {"from": "name", "to": "name", "type": "text"},
    {"from": "caller_id", "to": "caller_id", "type": "text"},
    {"from": "phone_numbers", "to": "phone_numbers", "type": "json"},
    {"from": "image_url", "to": "image_url", "type": "text"}
] -%}

{{ dialpad.staging("user_personas", source("dialpad", "user_personas"), key=["user_id", "type", "user_persona_id"], columns=columns) }}
