{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "office_id", "to": "office_id", "type": "text"},
    {"from": "snapshot_date", "to": "snapshot_date", "type": "date"},
    {"from": "balance", "to": "balance", "type": "text"},
    {"from": "next_billing_date", "to": "next_billing_date", "type": "integer"},
    {"from": "additional_number_lines", "to": "additional_number_lines", "type": "integer"},
    {"from": "contact_center_lines", "to": "contact_center_lines", "type": "integer"},
    {"from": "fax_lines", "to": "fax_lines", "type": "integer"},
    {"from": "room_lines", "to": "room_lines", "type": "integer"},
    {"from": "sell_lines", "to": "sell_lines", "type": "integer"},
    {"from": "talk_lines", "to": "talk_lines", "type": "integer"},
    {"from": "tollfree_additional_number_lines", "to": "tollfree_additional_number_lines", "type": "integer"},
    {"from": "tollfree_room_lines", "to": "tollfree_room_lines", "type": "integer"},
    {"from": "tollfree_uberconference_lines", "to": "tollfree_uberconference_lines", "type": "integer"},
    {"from": "uberconference_lines", "to": "uberconference_lines", "type": "integer"},
    {"from": "ppu_address", "to": "ppu_address", "type": "json"},
    {"from": "ppu_address", "to": "ppu_address_address_line_1", "type": "text", "member": "address_line_1"},
    {"from": "ppu_address", "to": "ppu_address_address_line_2", "type": "text", "member": "address_line_2"},
    {"from": "ppu_address", "to": "ppu_address_city", "type": "text", "member": "city"},
    {"from": "ppu_address", "to": "ppu_address_region", "type": "text", "member": "region"},
    {"from": "ppu_address", "to": "ppu_address_postal_code", "type": "text", "member": "postal_code"},
    {"from": "ppu_address", "to": "ppu_address_country", "type": "text", "member": "country"}
] -%}

{{ dialpad.staging("office_plans", source("dialpad", "office_plans"), key=["office_id", "snapshot_date"], columns=columns) }}
