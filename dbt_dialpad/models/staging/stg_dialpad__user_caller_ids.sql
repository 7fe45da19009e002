{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "user_id", "to": "user_id", "type": "text"},
    {"from": "id", "to": "user_caller_id_id", "type": "text"},
    {"from": "caller_id", "to": "caller_id", "type": "text"},
    {"from": "primary_phone", "to": "primary_phone", "type": "text"},
    {"from": "phone_numbers", "to": "phone_numbers", "type": "json"},
    {"from": "forwarding_numbers", "to": "forwarding_numbers", "type": "json"},
    {"from": "office_main_line", "to": "office_main_line", "type": "text"},
    {"from": "groups", "to": "groups", "type": "json"}
] -%}

{{ dialpad.staging("user_caller_ids", source("dialpad", "user_caller_ids"), key=["user_id"], columns=columns) }}
