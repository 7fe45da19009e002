{#- Intervals of duty cut at the local midnights of the account: one row an interval and day. -#}

select
    intervals.record_id,
    intervals.agent_id,
    intervals.status,
    intervals.is_on_duty,
    intervals.is_on_queue,
    dates.date,
    case when intervals.started_at > dates.starts_at then intervals.started_at else dates.starts_at end as started_at,
    case when intervals.ended_at < dates.ends_at then intervals.ended_at else dates.ends_at end as ended_at
from {{ ref('dialpad__agent_status_intervals') }} as intervals
inner join {{ ref('dialpad__dates') }} as dates
    on dates.date >= {{ dialpad.local_date('intervals.started_at') }}
    and dates.date <= {{ dialpad.local_date('intervals.ended_at') }}
    and intervals.ended_at > dates.starts_at
    and intervals.started_at < dates.ends_at
where intervals.ended_at > intervals.started_at
