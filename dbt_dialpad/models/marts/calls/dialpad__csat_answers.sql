{%- set other = dialpad.named_cells('csat') -%}

with answers as (
    select
        *,
        {{ dialpad.try_number('response') }} as score
    from {{ ref('stg_dialpad__records_csat') }}
),

legs as (
    select call_id, coalesce(entry_point_call_id, call_id) as entry_call_id from {{ ref('dialpad__call_legs') }}
)

select
    answers.record_key,
    coalesce(legs.entry_call_id, answers.call_id) as call_id,
    calls.line_id,
    calls.line_name,
    calls.{{ 'agent_id' if var('dialpad_csat_agent') == 'first' else 'last_agent_id' }} as agent_id,
    calls.started_date,
    answers.window_start,
    answers.window_end,
    answers.score,
    answers.score is not null as is_score,
    case when answers.score is not null then answers.score in ({{ var('dialpad_csat_satisfied') | join(', ') }}) end as is_satisfied,
    {{ other.question }} as question,
    {{ dialpad.try_instant(other.answered_at) }} as answered_at_printed,
    calls.call_id is not null as has_call,
    answers.source_relation
from answers
left join legs on answers.call_id = legs.call_id
left join {{ ref('int_dialpad__call_lines') }} as calls on coalesce(legs.entry_call_id, answers.call_id) = calls.call_id
