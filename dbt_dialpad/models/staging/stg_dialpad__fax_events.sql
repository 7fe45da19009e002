{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "event_id", "to": "event_id", "type": "text"},
    {"from": "received_at", "to": "received_at", "type": "instant"},
    {"from": "event", "to": "event", "type": "json"},
    {"from": "id", "to": "fax_event_id", "type": "text"},
    {"from": "created_date", "to": "created_date", "type": "any"},
    {"from": "direction", "to": "direction", "type": "text"},
    {"from": "fax_status", "to": "fax_status", "type": "text"},
    {"from": "fax_url", "to": "fax_url", "type": "text"},
    {"from": "from_number", "to": "from_number", "type": "text"},
    {"from": "to_number", "to": "to_number", "type": "any"},
    {"from": "sender_id", "to": "sender_id", "type": "text"},
    {"from": "user_id", "to": "user_id", "type": "text"},
    {"from": "contact_id", "to": "contact_id", "type": "text"},
    {"from": "fax_transaction", "to": "fax_transaction", "type": "json"},
    {"from": "fax_transaction", "to": "fax_transaction_num_pages", "type": "integer", "member": "num_pages"},
    {"from": "fax_transaction", "to": "fax_transaction_is_billed", "type": "boolean", "member": "is_billed"}
] -%}

{{ dialpad.staging("fax_events", source("dialpad", "fax_events"), key=["event_id"], columns=columns) }}
