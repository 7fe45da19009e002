{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "policy_id", "to": "policy_id", "type": "text"},
    {"from": "user_id", "to": "user_id", "type": "text"},
    {"from": "policy_targets", "to": "policy_targets", "type": "json"}
] -%}

{{ dialpad.staging("access_policy_assignments", source("dialpad", "access_policy_assignments"), key=["policy_id", "user_id"], columns=columns) }}
