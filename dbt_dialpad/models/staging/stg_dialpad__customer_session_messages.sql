{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "message_key", "to": "message_key", "type": "text"},
    {"from": "ts", "to": "ts", "type": "integer"},
    {"from": "created_at", "to": "created_at", "type": "instant"},
    {"from": "provider_id", "to": "provider_id", "type": "text"},
    {"from": "conversation_id", "to": "conversation_id", "type": "text"},
    {"from": "segment", "to": "segment", "type": "integer"},
    {"from": "redacted_entities", "to": "redacted_entities", "type": "json"},
    {"from": "text", "to": "text", "type": "text"},
    {"from": "timestamp", "to": "timestamp", "type": "text"},
    {"from": "sendername", "to": "sendername", "type": "text"},
    {"from": "senderemail", "to": "senderemail", "type": "text"},
    {"from": "sendertype", "to": "sendertype", "type": "text"},
    {"from": "sessionid", "to": "sessionid", "type": "text"},
    {"from": "sentiment", "to": "sentiment", "type": "number"},
    {"from": "workflow", "to": "workflow", "type": "text"},
    {"from": "workflownodeid", "to": "workflownodeid", "type": "text"},
    {"from": "topic", "to": "topic", "type": "text"},
    {"from": "score", "to": "score", "type": "number"},
    {"from": "topmatches", "to": "topmatches", "type": "any"},
    {"from": "lang", "to": "lang", "type": "text"},
    {"from": "customersessionid", "to": "customersessionid", "type": "text"},
    {"from": "sessionchannel", "to": "sessionchannel", "type": "text"},
    {"from": "sessionchannelinfo", "to": "sessionchannelinfo", "type": "any"},
    {"from": "chattype", "to": "chattype", "type": "text"}
] -%}

{{ dialpad.staging("customer_session_messages", source("dialpad", "customer_session_messages"), key=["message_key"], columns=columns) }}
