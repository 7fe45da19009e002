{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "event_id", "to": "event_id", "type": "text"},
    {"from": "received_at", "to": "received_at", "type": "instant"},
    {"from": "event", "to": "event", "type": "text"},
    {"from": "contact", "to": "contact", "type": "json"},
    {"from": "contact", "to": "contact_id", "type": "text", "member": "id"},
    {"from": "contact", "to": "contact_type", "type": "text", "member": "type"},
    {"from": "contact", "to": "contact_name", "type": "text", "member": "name"},
    {"from": "contact", "to": "contact_first_name", "type": "text", "member": "first_name"},
    {"from": "contact", "to": "contact_last_name", "type": "text", "member": "last_name"},
    {"from": "contact", "to": "contact_display_name", "type": "text", "member": "display_name"},
    {"from": "contact", "to": "contact_phone", "type": "text", "member": "phone"},
    {"from": "contact", "to": "contact_primary_phone", "type": "text", "member": "primary_phone"},
    {"from": "contact", "to": "contact_email", "type": "text", "member": "email"},
    {"from": "contact", "to": "contact_primary_email", "type": "text", "member": "primary_email"},
    {"from": "contact", "to": "contact_company_name", "type": "text", "member": "company_name"},
    {"from": "contact", "to": "contact_job_title", "type": "text", "member": "job_title"},
    {"from": "contact", "to": "contact_extension", "type": "text", "member": "extension"},
    {"from": "contact", "to": "contact_trunk_group", "type": "text", "member": "trunk_group"}
] -%}

{{ dialpad.staging("contact_events", source("dialpad", "contact_events"), key=["event_id"], columns=columns) }}
