{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "id", "to": "disposition_list_id", "type": "text"},
    {"from": "name", "to": "name", "type": "text"},
    {"from": "office_id", "to": "office_id", "type": "text"},
    {"from": "date_modified", "to": "modified_at", "type": "instant"},
    {"from": "targets", "to": "targets", "type": "json"},
    {"from": "dispositions", "to": "dispositions", "type": "json"},
    {"from": "formatted_dispositions", "to": "formatted_dispositions", "type": "json"}
] -%}

{{ dialpad.staging("disposition_lists", source("dialpad", "disposition_lists"), key=["disposition_list_id"], columns=columns) }}
