with weekdays as (
    select iso_weekday, count(*) as days
    from dialpad_marts.dialpad__dates
    where date between :since and :until
    group by iso_weekday
)

select
    weekdays.iso_weekday,
    intervals.line_hour as hour,
    sum(intervals.offered) as offered,
    sum(intervals.offered) * 1.0 / max(weekdays.days) as offered_a_day
from dialpad_marts.dialpad__line_intervals as intervals
join weekdays on intervals.line_iso_weekday = weekdays.iso_weekday
where intervals.line_date between :since and :until
group by weekdays.iso_weekday, intervals.line_hour
having sum(intervals.offered) > 0
order by 1, 2
