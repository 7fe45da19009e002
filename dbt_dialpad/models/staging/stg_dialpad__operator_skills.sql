{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "call_center_id", "to": "call_center_id", "type": "text"},
    {"from": "user_id", "to": "user_id", "type": "text"},
    {"from": "skill_level", "to": "skill_level", "type": "integer"}
] -%}

{{ dialpad.staging("operator_skills", source("dialpad", "operator_skills"), key=["call_center_id", "user_id"], columns=columns) }}
