select
    line_name,
    line_kind,
    sum(offered) as offered,
    sum(answered) as answered,
    sum(within_service_level) as within_service_level,
    sum(offered - short_abandoned) as offered_but_short,
    sum(within_service_level) * 1.0 / nullif(sum(offered - short_abandoned), 0) as service_level,
    sum(within_service_level_open) * 1.0 / nullif(sum(offered - short_abandoned - missed), 0) as service_level_dialpad,
    sum(answered_wait_seconds) / nullif(sum(answered), 0) as average_speed_of_answer_seconds,
    sum(handle_seconds) / nullif(sum(connected), 0) as average_handle_seconds,
    sum(abandoned - short_abandoned) * 1.0 / nullif(sum(offered - short_abandoned), 0) as abandonment_rate,
    sum(answered_transferred) * 1.0 / nullif(sum(answered), 0) as transfer_rate,
    sum(csat_satisfied) * 1.0 / nullif(sum(csat_calls), 0) as csat_rate,
    sum(csat_calls) as csat_calls
from dialpad_marts.dialpad__line_days
where date between :since and :until
group by line_id, line_name, line_kind
having sum(offered) > 0
order by offered desc, line_id
limit 40
