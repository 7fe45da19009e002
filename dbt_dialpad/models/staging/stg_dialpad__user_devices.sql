{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "id", "to": "user_device_id", "type": "text"},
    {"from": "user_id", "to": "user_id", "type": "text"},
    {"from": "display_name", "to": "display_name", "type": "text"},
    {"from": "type", "to": "type", "type": "text"},
    {"from": "phone_number", "to": "phone_number", "type": "text"},
    {"from": "app_version", "to": "app_version", "type": "text"},
    {"from": "date_created", "to": "created_at", "type": "instant"},
    {"from": "date_registered", "to": "registered_at", "type": "instant"},
    {"from": "date_updated", "to": "updated_at", "type": "instant"}
] -%}

{{ dialpad.staging("user_devices", source("dialpad", "user_devices"), key=["user_device_id"], columns=columns) }}
