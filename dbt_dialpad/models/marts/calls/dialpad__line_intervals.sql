{%- set minutes = var('dialpad_interval_minutes') %}
{%- set days = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] -%}

with counts as (
    select
        line_id,
        {{ dialpad.floor_to_interval('started_at', 'line_timezone', minutes) }} as interval_start_at,
        {{ dialpad.call_counts() | indent(8) }},
        count(distinct case when is_connected then agent_id end) as agents_connected
    from {{ ref('dialpad__calls') }}
    where line_id is not null
    group by 1, 2
),

{%- if var('dialpad_dense_intervals') %}

numbers as (
    {{ dialpad.natural_numbers(fewer_than=(1440 // minutes)) }}
),

opening as (
    select
        lines.line_id,
        lines.timezone,
        dates.date,
        numbers.number * {{ minutes }} as minute_of_day,
        case dates.iso_weekday {% for day in days %}when {{ loop.index }} then lines.{{ day }}_opens {% endfor %}end as opens,
        case dates.iso_weekday {% for day in days %}when {{ loop.index }} then lines.{{ day }}_closes {% endfor %}end as closes
    from {{ ref('dialpad__lines') }} as lines
    cross join {{ ref('dialpad__dates') }} as dates
    cross join numbers
),

open_slots as (
    select
        line_id,
        {{ dialpad.to_utc(dialpad.seconds_before('cast(date as ' ~ dbt.type_timestamp() ~ ')', '-60 * minute_of_day'), 'timezone') }} as interval_start_at
    from opening
    where minute_of_day >= {{ dialpad.clock_minutes('opens') }} and minute_of_day < {{ dialpad.clock_minutes('closes') }}
),
{%- endif %}

keys as (
    select line_id, interval_start_at from counts
    {%- if var('dialpad_dense_intervals') %}
    {{ dialpad.union_distinct() }}
    select line_id, interval_start_at from open_slots
    {%- endif %}
),

slots as (
    select
        keys.line_id,
        keys.interval_start_at,
        {{ dialpad.seconds_before('keys.interval_start_at', -60 * minutes) }} as interval_end_at,
        {{ dialpad.local_date('keys.interval_start_at') }} as first_date,
        {{ dialpad.local_date(dialpad.seconds_before('keys.interval_start_at', -60 * minutes)) }} as last_date
    from keys
),

slot_dates as (
    select line_id, interval_start_at, interval_end_at, first_date as date from slots
    {{ dialpad.union_distinct() }}
    select line_id, interval_start_at, interval_end_at, last_date as date from slots
),

duty as (
    select
        slot_dates.line_id,
        slot_dates.interval_start_at,
        sum({{ dialpad.elapsed_seconds(
            'case when statuses.started_at > slot_dates.interval_start_at then statuses.started_at else slot_dates.interval_start_at end',
            'case when statuses.ended_at < slot_dates.interval_end_at then statuses.ended_at else slot_dates.interval_end_at end') }}) as agents_on_duty_seconds
    from slot_dates
    inner join {{ ref('dialpad__line_operators') }} as operators on slot_dates.line_id = operators.line_id
    inner join {{ ref('int_dialpad__agent_status_days') }} as statuses
        on operators.agent_id = statuses.agent_id and slot_dates.date = statuses.date
    where statuses.is_on_duty
        and statuses.started_at < slot_dates.interval_end_at
        and statuses.ended_at > slot_dates.interval_start_at
    group by slot_dates.line_id, slot_dates.interval_start_at
)

select
    {{ dialpad.derived_key(['slots.line_id', 'slots.interval_start_at']) }} as line_interval_key,
    slots.line_id,
    lines.line_name,
    lines.line_kind,
    slots.interval_start_at,
    slots.interval_end_at,
    {{ dialpad.to_local('slots.interval_start_at', 'lines.timezone') }} as interval_start_local,
    {{ dialpad.local_date('slots.interval_start_at', 'lines.timezone') }} as line_date,
    cast(extract(hour from {{ dialpad.to_local('slots.interval_start_at', 'lines.timezone') }}) as integer) as line_hour,
    {{ dialpad.iso_weekday(dialpad.local_date('slots.interval_start_at', 'lines.timezone')) }} as line_iso_weekday,
    lines.timezone as line_timezone,
    {%- for name in dialpad.counted() if name != 'longest_wait_seconds' and name != 'csat_score_sum' %}
    coalesce(counts.{{ name }}, 0) as {{ name }},
    {%- endfor %}
    counts.csat_score_sum,
    counts.longest_wait_seconds,
    coalesce(counts.agents_connected, 0) as agents_connected,
    coalesce(duty.agents_on_duty_seconds, 0) as agents_on_duty_seconds,
    {{ dialpad.call_ratios() | indent(4) }},
    lines.source_relation
from slots
left join counts on slots.line_id = counts.line_id and slots.interval_start_at = counts.interval_start_at
left join duty on slots.line_id = duty.line_id and slots.interval_start_at = duty.interval_start_at
left join {{ ref('dialpad__lines') }} as lines on slots.line_id = lines.line_id
