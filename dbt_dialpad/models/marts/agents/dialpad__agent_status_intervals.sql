{#- From each change of duty to the agent's next. Availability is of the person, so an agent's rows are one sequence. -#}

with changes as (
    select
        target_id as agent_id,
        occurred_at as started_at,
        on_duty_status as status_given,
        case when on_duty_status in ('occupied-end', 'wrapup-end') then 'available' else on_duty_status end as status,
        min(record_id) as record_id,
        min(reason) as reason,
        min(call_center_id) as call_center_id,
        min(setter_role) as setter_role,
        max(name) as agent_name,
        max(source_relation) as source_relation,
        max(_airbyte_extracted_at) as extracted_at
    from {{ ref('stg_dialpad__records_onduty') }}
    where target_id is not null and occurred_at is not null
    group by target_id, occurred_at, on_duty_status
),

newest as (
    select max(started_at) as started_at from changes
),

followed as (
    select
        changes.*,
        lead(changes.started_at) over (partition by changes.agent_id order by changes.started_at, changes.record_id) as next_started_at,
        newest.started_at as newest_started_at
    from changes
    cross join newest
),

{%- set cap = var('dialpad_max_status_hours') * 3600 %}

ended as (
    select
        *,
        coalesce(next_started_at, newest_started_at) as next_or_newest_at,
        next_started_at is null as is_open,
        status <> 'unavailable'
            and {{ dialpad.elapsed_seconds('started_at', 'coalesce(next_started_at, newest_started_at)') }} > {{ cap }} as is_capped
    from followed
)

select
    record_id,
    agent_id,
    agent_name,
    status,
    status_given,
    status <> 'unavailable' as is_on_duty,
    status in ('available', 'occupied', 'wrapup'{{ ", 'busy'" if var('dialpad_busy_is_on_queue') }}) as is_on_queue,
    reason,
    call_center_id,
    setter_role,
    started_at,
    case when is_capped then {{ dialpad.seconds_before('started_at', '-' ~ cap) }} else next_or_newest_at end as ended_at,
    {{ dialpad.local_date('started_at') }} as started_date,
    case when is_capped then {{ cap }} else {{ dialpad.elapsed_seconds('started_at', 'next_or_newest_at') }} end as seconds,
    is_open,
    is_capped,
    source_relation
from ended
