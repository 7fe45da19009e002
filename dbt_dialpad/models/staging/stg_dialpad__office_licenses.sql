{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "office_id", "to": "office_id", "type": "text"},
    {"from": "snapshot_date", "to": "snapshot_date", "type": "date"},
    {"from": "additional_number_lines", "to": "additional_number_lines", "type": "integer"},
    {"from": "contact_center_lines", "to": "contact_center_lines", "type": "integer"},
    {"from": "fax_lines", "to": "fax_lines", "type": "integer"},
    {"from": "room_lines", "to": "room_lines", "type": "integer"},
    {"from": "sell_lines", "to": "sell_lines", "type": "integer"},
    {"from": "talk_lines", "to": "talk_lines", "type": "integer"},
    {"from": "tollfree_additional_number_lines", "to": "tollfree_additional_number_lines", "type": "integer"},
    {"from": "tollfree_room_lines", "to": "tollfree_room_lines", "type": "integer"},
    {"from": "tollfree_uberconference_lines", "to": "tollfree_uberconference_lines", "type": "integer"},
    {"from": "uberconference_lines", "to": "uberconference_lines", "type": "integer"}
] -%}

{{ dialpad.staging("office_licenses", source("dialpad", "office_licenses"), key=["office_id", "snapshot_date"], columns=columns) }}
