{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "owner_type", "to": "owner_type", "type": "text"},
    {"from": "owner_id", "to": "owner_id", "type": "text"},
    {"from": "id", "to": "desk_phone_id", "type": "text"},
    {"from": "name", "to": "name", "type": "text"},
    {"from": "type", "to": "type", "type": "text"},
    {"from": "device_model", "to": "device_model", "type": "text"},
    {"from": "firmware_version", "to": "firmware_version", "type": "text"},
    {"from": "mac_address", "to": "mac_address", "type": "text"},
    {"from": "phone_number", "to": "phone_number", "type": "text"},
    {"from": "byod", "to": "is_byod", "type": "boolean"},
    {"from": "ring_notification", "to": "is_ring_notification", "type": "boolean"},
    {"from": "realm", "to": "realm", "type": "text"},
    {"from": "port", "to": "port", "type": "integer"},
    {"from": "sip_transport_type", "to": "sip_transport_type", "type": "text"}
] -%}

{{ dialpad.staging("desk_phones", source("dialpad", "desk_phones"), key=["owner_type", "owner_id", "desk_phone_id"], columns=columns) }}
