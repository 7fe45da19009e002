{#- From each change of duty to the agent's next. Availability is of the person, so an agent's rows are one sequence. The
    export says what happened up to its newest row; events of the webhook, what has happened since. -#}

with exported as (
    select
        target_id as agent_id,
        occurred_at as started_at,
        on_duty_status as status_given,
        min(record_id) as record_id,
        min(reason) as reason,
        min(call_center_id) as call_center_id,
        min(setter_role) as setter_role,
        max(name) as agent_name,
        false as is_from_event,
        max(source_relation) as source_relation
    from {{ ref('stg_dialpad__records_onduty') }}
    where target_id is not null and occurred_at is not null
    group by target_id, occurred_at, on_duty_status
),

exported_until as (
    select max(started_at) as newest_at from exported
),

since_then as (
    select
        events.target_id as agent_id,
        events.time_at as started_at,
        lower(events.on_duty_status) as status_given,
        min(events.event_id) as record_id,
        min(events.on_duty_status_reason) as reason,
        cast(null as {{ dbt.type_string() }}) as call_center_id,
        cast(null as {{ dbt.type_string() }}) as setter_role,
        max(events.target_name) as agent_name,
        true as is_from_event,
        max(events.source_relation) as source_relation
    from {{ ref('stg_dialpad__agent_status_events') }} as events
    cross join exported_until
    where events.target_id is not null and events.time_at is not null and events.on_duty_status is not null
        and (exported_until.newest_at is null or events.time_at > exported_until.newest_at)
    group by events.target_id, events.time_at, lower(events.on_duty_status)
),

changes as (
    select
        together.*,
        case when status_given in ('occupied-end', 'wrapup-end') then 'available' else status_given end as status
    from (select * from exported union all select * from since_then) as together
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
    is_from_event,
    source_relation
from ended
