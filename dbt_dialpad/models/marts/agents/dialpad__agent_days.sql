with duty as (
    select
        agent_id,
        date,
        {%- for status in ['available', 'occupied', 'wrapup', 'busy', 'unavailable'] %}
        sum(case when status = '{{ status }}' then {{ dialpad.elapsed_seconds('started_at', 'ended_at') }} else 0 end) as {{ status }}_seconds,
        {%- endfor %}
        sum(case when is_on_duty then {{ dialpad.elapsed_seconds('started_at', 'ended_at') }} else 0 end) as on_duty_seconds,
        min(case when is_on_duty then started_at end) as first_on_duty_at,
        max(case when is_on_duty then ended_at end) as last_on_duty_at
    from {{ ref('int_dialpad__agent_status_days') }}
    group by agent_id, date
),

legs as (
    select
        agent_id,
        started_date as date,
        {{ dialpad.count_if("direction = 'inbound'") }} as legs_rung,
        {{ dialpad.count_if('is_connected') }} as handled,
        {{ dialpad.count_if("direction = 'inbound' and not is_connected") }} as legs_not_answered,
        {{ dialpad.count_if("direction = 'inbound' and is_connected") }} as inbound_handled,
        {{ dialpad.count_if("direction = 'outbound' and is_connected") }} as outbound_handled,
        {{ dialpad.count_if('is_internal') }} as internal_calls,
        {{ dialpad.count_if('is_transferred and is_connected') }} as transferred_out,
        {{ dialpad.count_if('is_transferred_in') }} as transferred_in,
        sum(coalesce(case when is_connected then talk_seconds end, 0)) as talk_seconds,
        sum(coalesce(case when is_connected then hold_seconds end, 0)) as hold_seconds,
        sum(coalesce(case when is_connected then wrap_seconds end, 0)) as wrap_seconds,
        sum(coalesce(handle_seconds, 0)) as handle_seconds,
        count(distinct case when is_connected then entry_target_id end) as lines_served
    from {{ ref('dialpad__call_legs') }}
    where agent_id is not null
    group by agent_id, started_date
),

voicemails as (
    select
        listened_by_agent_id as agent_id,
        {{ dialpad.local_date('listened_at') }} as date,
        count(*) as voicemails_listened
    from {{ ref('dialpad__voicemails') }}
    where is_listened and listened_by_agent_id is not null
    group by 1, 2
),

texts as (
    select
        agent_id,
        occurred_date as date,
        count(distinct message_id) as texts_sent
    from {{ ref('int_dialpad__text_rows') }}
    where agent_id = sender_id and direction <> 'inbound'
    group by 1, 2
),

csat as (
    select
        {{ 'agent_id' if var('dialpad_csat_agent') == 'first' else 'last_agent_id' }} as agent_id,
        started_date as date,
        count(*) as csat_calls,
        {{ dialpad.count_if('csat_score in (' ~ var('dialpad_csat_satisfied') | join(', ') ~ ')') }} as csat_satisfied,
        sum(csat_score) as csat_score_sum
    from {{ ref('dialpad__calls') }}
    where csat_score is not null
    group by 1, 2
),

dispositions as (
    select
        agent_id,
        started_date as date,
        {{ dialpad.count_if('is_set') }} as dispositions_set,
        {{ dialpad.count_if('not is_set') }} as dispositions_missing
    from {{ ref('dialpad__dispositions') }}
    where agent_id is not null
    group by 1, 2
),

digital as (
    select
        agent_id,
        started_date as date,
        count(*) as digital_sessions,
        sum(coalesce(agent_messages, 0)) as digital_messages
    from {{ ref('dialpad__digital_sessions') }}
    where agent_id is not null
    group by 1, 2
),

grades as (
    select
        agent_id,
        graded_date as date,
        count(distinct call_id) as graded_calls,
        sum(points) as graded_points,
        sum(points_possible) as graded_points_possible
    from {{ ref('dialpad__scorecard_grades') }}
    where agent_id is not null
    group by 1, 2
),

{%- set parts = ['duty', 'legs', 'voicemails', 'texts', 'csat', 'dispositions', 'digital', 'grades'] %}

agent_dates as (
    {%- for part in parts %}
    {{ dialpad.union_distinct() if not loop.first }} select agent_id, date from {{ part }} where date is not null and agent_id is not null
    {%- endfor %}
)

select
    {{ dialpad.derived_key(['agent_dates.agent_id', 'agent_dates.date']) }} as agent_day_key,
    agent_dates.agent_id,
    agents.agent_name,
    agents.office_name,
    agent_dates.date,
    {%- for name in ['available', 'occupied', 'wrapup', 'busy', 'unavailable', 'on_duty'] %}
    coalesce(duty.{{ name }}_seconds, 0) as {{ name }}_seconds,
    {%- endfor %}
    coalesce(duty.occupied_seconds + duty.wrapup_seconds + duty.available_seconds{{ ' + duty.busy_seconds' if var('dialpad_busy_is_on_queue') }}, 0) as on_queue_seconds,
    duty.first_on_duty_at,
    duty.last_on_duty_at,
    {%- for name in ['legs_rung', 'handled', 'legs_not_answered', 'inbound_handled', 'outbound_handled', 'internal_calls', 'transferred_out', 'transferred_in', 'talk_seconds', 'hold_seconds', 'wrap_seconds', 'handle_seconds', 'lines_served'] %}
    coalesce(legs.{{ name }}, 0) as {{ name }},
    {%- endfor %}
    coalesce(voicemails.voicemails_listened, 0) as voicemails_listened,
    coalesce(texts.texts_sent, 0) as texts_sent,
    coalesce(csat.csat_calls, 0) as csat_calls,
    coalesce(csat.csat_satisfied, 0) as csat_satisfied,
    csat.csat_score_sum,
    coalesce(dispositions.dispositions_set, 0) as dispositions_set,
    coalesce(dispositions.dispositions_missing, 0) as dispositions_missing,
    coalesce(digital.digital_sessions, 0) as digital_sessions,
    coalesce(digital.digital_messages, 0) as digital_messages,
    coalesce(grades.graded_calls, 0) as graded_calls,
    coalesce(grades.graded_points, 0) as graded_points,
    coalesce(grades.graded_points_possible, 0) as graded_points_possible,
    {{ dialpad.ratio('grades.graded_points', 'grades.graded_points_possible') }} as graded_score,
    {{ dialpad.ratio('legs.handle_seconds', 'legs.handled') }} as average_handle_seconds,
    {{ dialpad.ratio('duty.occupied_seconds + duty.wrapup_seconds', 'duty.occupied_seconds + duty.wrapup_seconds + duty.available_seconds' ~ (' + duty.busy_seconds' if var('dialpad_busy_is_on_queue') else '')) }} as occupancy,
    {{ dialpad.ratio('legs.handle_seconds', 'duty.occupied_seconds + duty.wrapup_seconds + duty.available_seconds' ~ (' + duty.busy_seconds' if var('dialpad_busy_is_on_queue') else '')) }} as occupancy_by_calls,
    {{ dialpad.ratio('duty.occupied_seconds + duty.wrapup_seconds + duty.available_seconds', 'duty.on_duty_seconds') }} as utilization,
    {{ dialpad.ratio('csat.csat_satisfied', 'csat.csat_calls') }} as csat_rate,
    agents.source_relation
from agent_dates
left join {{ ref('dialpad__agents') }} as agents on agent_dates.agent_id = agents.agent_id
{%- for part in parts %}
left join {{ part }} on agent_dates.agent_id = {{ part }}.agent_id and agent_dates.date = {{ part }}.date
{%- endfor %}
