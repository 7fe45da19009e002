{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "id", "to": "coaching_team_id", "type": "text"},
    {"from": "name", "to": "name", "type": "text"},
    {"from": "team_description", "to": "team_description", "type": "text"},
    {"from": "company_id", "to": "company_id", "type": "text"},
    {"from": "office_id", "to": "office_id", "type": "text"},
    {"from": "country", "to": "country", "type": "text"},
    {"from": "allow_trainee_eavesdrop", "to": "allows_trainee_eavesdrop", "type": "boolean"},
    {"from": "phone_numbers", "to": "phone_numbers", "type": "json"},
    {"from": "ring_seconds", "to": "ring_seconds", "type": "integer"},
    {"from": "state", "to": "state", "type": "text"}
] -%}

{{ dialpad.staging("coaching_teams", source("dialpad", "coaching_teams"), key=["coaching_team_id"], columns=columns) }}
