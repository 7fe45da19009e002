{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "id", "to": "scorecard_id", "type": "text"},
    {"from": "name", "to": "name", "type": "text"},
    {"from": "state", "to": "state", "type": "text"},
    {"from": "category", "to": "category", "type": "json"},
    {"from": "has_ai_question", "to": "has_ai_question", "type": "boolean"},
    {"from": "questions", "to": "questions", "type": "json"},
    {"from": "date_created", "to": "created_at", "type": "instant"},
    {"from": "date_modified", "to": "modified_at", "type": "instant"}
] -%}

{{ dialpad.staging("scorecards", source("dialpad", "scorecards"), key=["scorecard_id"], columns=columns) }}
