select
    agent_id,
    agent_name,
    sum(handled) as handled,
    sum(inbound_handled) as inbound_handled,
    sum(outbound_handled) as outbound_handled,
    sum(talk_seconds) as talk_seconds,
    sum(handle_seconds) / nullif(sum(handled), 0) as average_handle_seconds,
    sum(occupied_seconds + wrapup_seconds) / nullif(sum(on_queue_seconds), 0) as occupancy,
    sum(transferred_out) as transferred_out,
    sum(csat_satisfied) * 1.0 / nullif(sum(csat_calls), 0) as csat_rate,
    sum(csat_calls) as csat_calls
from dialpad_marts.dialpad__agent_days
where date between :since and :until
group by agent_id, agent_name
having sum(handled) > 0
order by handled desc, agent_id
limit 20
