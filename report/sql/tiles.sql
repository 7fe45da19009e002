-- The last four weeks of whole days, and the four before: counts and sums of all lines.
select
    case when date >= :recent then 'now' else 'before' end as period,
    min(date) as first_date,
    sum(offered) as offered,
    sum(answered) as answered,
    sum(within_service_level) as within_service_level,
    sum(within_service_level_open) as within_service_level_open,
    sum(offered - short_abandoned) as offered_but_short,
    sum(offered - short_abandoned - missed) as offered_by_dialpad,
    min(service_level_seconds) as fewest_seconds,
    max(service_level_seconds) as most_seconds,
    sum(answered_wait_seconds) as answered_wait_seconds,
    sum(connected) as connected,
    sum(handle_seconds) as handle_seconds,
    sum(csat_calls) as csat_calls,
    sum(csat_satisfied) as csat_satisfied
from dialpad_marts.dialpad__line_days
where date between :before and :until
group by 1
