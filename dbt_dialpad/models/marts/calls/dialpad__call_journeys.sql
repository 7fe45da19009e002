with calls as (
    select
        *,
        row_number() over (partition by master_call_id order by started_at, call_id) as first_place,
        row_number() over (partition by master_call_id order by started_at desc, call_id desc) as last_place
    from {{ ref('dialpad__calls') }}
),

agents as (
    select master_call_id, count(distinct agent_id) as agents_connected
    from {{ ref('dialpad__call_legs') }}
    where is_connected and agent_id is not null
    group by master_call_id
)

select
    calls.master_call_id,
    max(case when calls.first_place = 1 then calls.call_id end) as first_call_id,
    max(case when calls.first_place = 1 then calls.direction end) as direction,
    min(calls.started_at) as started_at,
    min(calls.started_date) as started_date,
    max(calls.ended_at) as ended_at,
    count(*) as calls,
    count(distinct calls.line_id) as lines,
    max(coalesce(agents.agents_connected, 0)) as agents_connected,
    max(case when calls.first_place = 1 then calls.line_id end) as first_line_id,
    max(case when calls.first_place = 1 then calls.line_name end) as first_line_name,
    max(case when calls.last_place = 1 then calls.line_id end) as last_line_id,
    max(case when calls.last_place = 1 then calls.line_name end) as last_line_name,
    sum(calls.wait_seconds) as wait_seconds,
    sum(calls.talk_seconds) as talk_seconds,
    sum(calls.handle_seconds) as handle_seconds,
    max(case when calls.is_transferred then 1 else 0 end) = 1 as is_transferred,
    max(case when calls.is_connected then 1 else 0 end) = 1 as is_connected,
    max(case when calls.last_place = 1 then calls.outcome end) as outcome,
    max(case when calls.last_place = 1 then calls.source_relation end) as source_relation
from calls
left join agents on calls.master_call_id = agents.master_call_id
group by calls.master_call_id
