{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "call_id", "to": "call_id", "type": "text"},
    {"from": "date", "to": "occurred_at", "type": "instant"},
    {"from": "scope", "to": "scope", "type": "text"},
    {"from": "window_start", "to": "window_start", "type": "date"},
    {"from": "window_end", "to": "window_end", "type": "date"},
    {"from": "timezone", "to": "timezone", "type": "text"},
    {"from": "other_columns", "to": "other_columns", "type": "json"},
    {"from": "target_id", "to": "target_id", "type": "text"},
    {"from": "name", "to": "name", "type": "text"},
    {"from": "email", "to": "email", "type": "text"},
    {"from": "external_number", "to": "external_number", "type": "text"},
    {"from": "internal_number", "to": "internal_number", "type": "text"},
    {"from": "date_listened", "to": "listened_at", "type": "instant"},
    {"from": "listened_by_target_id", "to": "listened_by_target_id", "type": "text"},
    {"from": "listened_by_name", "to": "listened_by_name", "type": "text"},
    {"from": "listened_by_email", "to": "listened_by_email", "type": "text"},
    {"from": "recording_url", "to": "recording_url", "type": "text"},
    {"from": "transcription_text", "to": "transcription_text", "type": "text"}
] -%}

{{ dialpad.staging("records_voicemails", source("dialpad", "records_voicemails"), key=["call_id"], columns=columns) }}
