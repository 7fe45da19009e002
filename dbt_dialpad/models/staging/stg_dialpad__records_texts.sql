{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "message_id", "to": "message_id", "type": "text"},
    {"from": "target_id", "to": "target_id", "type": "text"},
    {"from": "date", "to": "occurred_at", "type": "instant"},
    {"from": "scope", "to": "scope", "type": "text"},
    {"from": "window_start", "to": "window_start", "type": "date"},
    {"from": "window_end", "to": "window_end", "type": "date"},
    {"from": "timezone", "to": "timezone", "type": "text"},
    {"from": "other_columns", "to": "other_columns", "type": "json"},
    {"from": "name", "to": "name", "type": "text"},
    {"from": "email", "to": "email", "type": "text"},
    {"from": "target_type", "to": "target_type", "type": "text"},
    {"from": "sender_id", "to": "sender_id", "type": "text"},
    {"from": "direction", "to": "direction", "type": "text"},
    {"from": "to_phone", "to": "to_phone", "type": "text"},
    {"from": "from_phone", "to": "from_phone", "type": "text"},
    {"from": "encrypted_text", "to": "encrypted_text", "type": "text"},
    {"from": "encrypted_aes_text", "to": "encrypted_aes_text", "type": "text"},
    {"from": "mms", "to": "mms", "type": "text"}
] -%}

{{ dialpad.staging("records_texts", source("dialpad", "records_texts"), key=["message_id", "target_id"], columns=columns) }}
