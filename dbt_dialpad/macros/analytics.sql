{%- macro analytics_pairs() -%}
{#- The metric and measure pairs that analytics_metrics_wide has a column for: those a catalog was seen with. -#}
{{ return(var('dialpad_analytics_metrics', [
    'closed_conversations__count', 'closed_conversations_per_agent__count', 'closed_conversations_per_agent__sum',
    'conversation_assignments__count', 'conversation_assignments_per_agent__average', 'conversation_assignments_per_agent__count',
    'conversation_assignments_per_agent__sum', 'created_conversations__count', 'csat__percentage', 'csat_responses__count',
    'fcr__percentage', 'first_response_time__average', 'first_response_time__max', 'first_response_time__min',
    'first_response_time__stddev', 'handling_duration__average', 'handling_duration__max', 'handling_duration__min',
    'handling_duration__sum', 'messages_per_conversation__average', 'messages_per_conversation__sum',
    'reopened_conversations__count', 'total_duration__average', 'total_duration__sum',
])) }}
{%- endmacro -%}


{%- macro analytics_field(name) -%}
{#- A field of a record as text. The catalog and the data name fields differently, so each has several names to try. -#}
{%- set known = {
    'conversation_id': ['csid', 'conversation_id'], 'queue_id': ['queue', 'queue_id'], 'agent_id': ['agent', 'agent_id'],
    'channel': ['initial_channel', 'channel'], 'direction': ['initial_direction', 'direction'],
    'contact_point': ['contact_point'], 'closed_by': ['closed_by'], 'is_reopened': ['is_reopened', 'reopened'],
    'message_count': ['message_count'], 'handling_minutes': ['handling_minutes'], 'created_at': ['created', 'created_at'],
} -%}
{%- set texts = [] -%}
{%- for field in var('dialpad_analytics_field_names', {}).get(name, []) + known[name] -%}
    {%- do texts.append(dialpad.json_text('fields', field)) -%}
{%- endfor -%}
coalesce({{ (texts + ['null']) | join(', ') }})
{%- endmacro -%}


{%- macro analytics_label(name) -%}
{%- set known = {'queue_id': ['queue', 'queue_id'], 'agent_id': ['agent', 'agent_id'], 'channel': ['initial_channel', 'channel']} -%}
{%- set texts = [] -%}
{%- for field in known[name] -%} {%- do texts.append(dialpad.json_text('labels', field)) -%} {%- endfor -%}
coalesce({{ (texts + ['null']) | join(', ') }})
{%- endmacro -%}


{%- macro analytics_record_model(record_id, extra=[]) -%}
{#- One typed row a record of a type: what all types share, and the columns asked for beside. -#}
select
    record_key,
    {{ dialpad.analytics_field('conversation_id') }} as conversation_id,
    occurred_at,
    {{ dialpad.local_date('occurred_at') }} as occurred_date,
    {{ dialpad.try_number('value') }} as value,
    {{ dialpad.analytics_field('queue_id') }} as queue_id,
    {{ dialpad.analytics_label('queue_id') }} as queue_name,
    {{ dialpad.analytics_field('agent_id') }} as agent_id,
    {{ dialpad.analytics_label('agent_id') }} as agent_name,
    {{ dialpad.analytics_field('channel') }} as channel,
    {{ dialpad.analytics_label('channel') }} as channel_name,
    {{ dialpad.analytics_field('direction') }} as direction,
    {%- if 'closing' in extra %}
    {{ dialpad.analytics_field('closed_by') }} as closed_by,
    coalesce({{ dialpad.analytics_field('is_reopened') }} = 'true', false) as is_reopened,
    cast({{ dialpad.try_number(dialpad.analytics_field('message_count')) }} as {{ dbt.type_bigint() }}) as messages,
    {{ dialpad.try_number(dialpad.analytics_field('handling_minutes')) }} * 60 as handling_seconds,
    {%- endif %}
    source_relation
from {{ ref('stg_dialpad__analytics_record_data') }}
where record_id = '{{ record_id }}'
{%- endmacro -%}
