{%- macro named_cells(export) -%}
{#- SQL for cells whose column names Dialpad documents nowhere, from other_columns: the first name that has a value.

dialpad_cell_names adds names of your export: {csat: {question: [my_header]}}. A name that isn't there gives null. -#}
{%- set known = {
    'csat': {'question': ['question'], 'answered_at': ['date_answered', 'answered_at', 'date'], 'agent_id': ['operator_id', 'user_id']},
    'screenshare': {
        'started_at': ['date_started', 'date'], 'ended_at': ['date_ended'], 'agent_id': ['host_id', 'user_id', 'target_id'],
        'minutes': ['duration', 'minutes'], 'participants': ['participants'],
    },
    'onduty': {
        'user_id': ['user_id', 'target_id'], 'on_duty': ['on_duty_duration'], 'available': ['available_duration'],
        'occupied': ['occupied_duration'], 'wrapup': ['wrapup_duration'], 'busy': ['busy_duration'],
        'unavailable': ['unavailable_duration'],
    },
    'texts': {'target_id': ['target_id'], 'sent': ['texts_sent'], 'received': ['texts_received'], 'internal': ['internal_texts']},
    'scorecard_grades': {
        'call_id': ['call_id'], 'scorecard': ['scorecard_name', 'scorecard'], 'agent_id': ['agent_id', 'user_id'],
        'grader': ['grader_name', 'grader'], 'graded_at': ['date_graded', 'graded_at'], 'points': ['score', 'points'],
        'most_points': ['max_score', 'max_points'],
    },
    'voicemails': {'target_id': ['target_id'], 'total': ['total_voicemails'], 'listened': ['listened_voicemails']},
} -%}
{%- set cells = {} -%}
{%- for name, headers in known[export].items() -%}
    {%- set texts = [] -%}
    {%- for header in var('dialpad_cell_names', {}).get(export, {}).get(name, []) + headers -%}
        {%- do texts.append(dialpad.json_text('other_columns', header)) -%}
    {%- endfor -%}
    {%- do cells.update({name: "coalesce(" ~ (texts + ["null"]) | join(", ") ~ ")"}) -%}
{%- endfor -%}
{{ return(cells) }}
{%- endmacro -%}
