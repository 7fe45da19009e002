{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "id", "to": "access_policy_id", "type": "text"},
    {"from": "company_id", "to": "company_id", "type": "text"},
    {"from": "name", "to": "name", "type": "text"},
    {"from": "description", "to": "description", "type": "text"},
    {"from": "state", "to": "state", "type": "text"},
    {"from": "owner_id", "to": "owner_id", "type": "text"},
    {"from": "target_type", "to": "target_type", "type": "text"},
    {"from": "permission_sets", "to": "permission_sets", "type": "json"},
    {"from": "date_created", "to": "created_at", "type": "instant"},
    {"from": "date_updated", "to": "updated_at", "type": "instant"}
] -%}

{{ dialpad.staging("access_policies", source("dialpad", "access_policies"), key=["access_policy_id"], columns=columns) }}
