select
    case when is_set then category end as category,
    count(*) as dispositions
from dialpad_marts.dialpad__dispositions
where started_date between :since and :until
group by 1
order by case when min(case when is_set then 1 else 0 end) = 1 then 0 else 1 end, 2 desc, 1
limit 15
