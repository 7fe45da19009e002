with largest as (
    select line_id, sum(offered) as offered
    from dialpad_marts.dialpad__line_days
    where date between :since and :until
        and (line_kind = 'call_center'
            or (select count(*) from dialpad_marts.dialpad__lines where line_kind = 'call_center') = 0)
    group by line_id
    having sum(offered) > 0
    order by 2 desc, 1
    limit 6
)

select
    days.line_id,
    days.line_name,
    :bucket as starts_on,
    sum(days.offered - days.short_abandoned) as calls,
    sum(days.within_service_level) as within_service_level,
    sum(days.within_service_level) * 1.0 / nullif(sum(days.offered - days.short_abandoned), 0) as service_level,
    max(days.service_level_target) as target
from dialpad_marts.dialpad__line_days as days
join largest using (line_id)
join dialpad_marts.dialpad__dates using (date)
where date between :since and :until
group by 1, 2, 3, largest.offered
having sum(days.offered - days.short_abandoned) > 0
order by largest.offered desc, 1, 3
