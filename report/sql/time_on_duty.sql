select
    agent_id,
    agent_name,
    sum(occupied_seconds) as occupied_seconds,
    sum(wrapup_seconds) as wrapup_seconds,
    sum(available_seconds) as available_seconds,
    sum(busy_seconds) as busy_seconds,
    sum(on_duty_seconds) as on_duty_seconds,
    sum(occupied_seconds + wrapup_seconds) / nullif(sum(on_queue_seconds), 0) as occupancy
from dialpad_marts.dialpad__agent_days
where date between :since and :until
group by agent_id, agent_name
having sum(on_duty_seconds) > 0
order by sum(on_duty_seconds) desc, agent_id
limit 15
