select
    line_name,
    sum(offered) as offered,
    sum(within_service_level) as within_service_level,
    sum(within_service_level) * 1.0 / nullif(sum(offered - short_abandoned), 0) as service_level,
    max(service_level_target) as target,
    max(service_level_seconds) as seconds
from dialpad_marts.dialpad__line_days
where date between :since and :until
    and (line_kind = 'call_center'
        or (select count(*) from dialpad_marts.dialpad__lines where line_kind = 'call_center') = 0)
group by line_id, line_name
having sum(offered - short_abandoned) > 0
order by service_level desc, offered desc, line_id
limit 15
