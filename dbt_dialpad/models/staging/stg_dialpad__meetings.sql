{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "id", "to": "meeting_id", "type": "text"},
    {"from": "room_id", "to": "room_id", "type": "text"},
    {"from": "title", "to": "title", "type": "text"},
    {"from": "host_name", "to": "host_name", "type": "text"},
    {"from": "start_time", "to": "start_at", "type": "instant"},
    {"from": "end_time", "to": "end_at", "type": "instant"},
    {"from": "duration_ms", "to": "duration_ms", "type": "integer"},
    {"from": "participants", "to": "participants", "type": "json"},
    {"from": "recordings", "to": "recordings", "type": "json"},
    {"from": "video_recordings", "to": "video_recordings", "type": "json"},
    {"from": "transcript_url", "to": "transcript_url", "type": "text"}
] -%}

{{ dialpad.staging("meetings", source("dialpad", "meetings"), key=["meeting_id"], columns=columns) }}
