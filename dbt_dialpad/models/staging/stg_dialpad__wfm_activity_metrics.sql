{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "row_key", "to": "row_key", "type": "text"},
    {"from": "interval_start", "to": "began_at", "type": "instant"},
    {"from": "interval", "to": "interval", "type": "json"},
    {"from": "interval", "to": "interval_start_at", "type": "instant", "member": "start"},
    {"from": "interval", "to": "interval_end_at", "type": "instant", "member": "end"},
    {"from": "activity", "to": "activity", "type": "json"},
    {"from": "activity", "to": "activity_name", "type": "text", "member": "name"},
    {"from": "activity", "to": "activity_type", "type": "text", "member": "type"},
    {"from": "scheduled_hours", "to": "scheduled_hours", "type": "number"},
    {"from": "adherence_score", "to": "adherence_score", "type": "number"},
    {"from": "time_in_adherence", "to": "time_in_adherence", "type": "json"},
    {"from": "time_in_adherence", "to": "time_in_adherence_percentage", "type": "number", "member": "percentage"},
    {"from": "time_in_adherence", "to": "time_in_adherence_seconds", "type": "integer", "member": "seconds"},
    {"from": "time_out_of_adherence", "to": "time_out_of_adherence", "type": "json"},
    {"from": "time_out_of_adherence", "to": "time_out_of_adherence_percentage", "type": "number", "member": "percentage"},
    {"from": "time_out_of_adherence", "to": "time_out_of_adherence_seconds", "type": "integer", "member": "seconds"},
    {"from": "time_in_exception", "to": "time_in_exception", "type": "json"},
    {"from": "time_in_exception", "to": "time_in_exception_percentage", "type": "number", "member": "percentage"},
    {"from": "time_in_exception", "to": "time_in_exception_seconds", "type": "integer", "member": "seconds"},
    {"from": "time_on_task", "to": "time_on_task", "type": "number"},
    {"from": "conversations_opened", "to": "conversations_opened", "type": "integer"},
    {"from": "conversations_closed", "to": "conversations_closed", "type": "integer"},
    {"from": "conversations_on_hold", "to": "conversations_on_hold", "type": "integer"},
    {"from": "conversations_commented_on", "to": "conversations_commented_on", "type": "integer"},
    {"from": "conversations_closed_per_hour", "to": "conversations_closed_per_hour", "type": "number"},
    {"from": "average_conversation_time", "to": "average_conversation_seconds", "type": "number", "factor": 60},
    {"from": "average_interaction_time", "to": "average_interaction_seconds", "type": "number", "factor": 60},
    {"from": "wrong_task_snapshots", "to": "wrong_task_snapshots", "type": "integer"}
] -%}

{{ dialpad.staging("wfm_activity_metrics", source("dialpad", "wfm_activity_metrics"), key=["row_key"], columns=columns) }}
