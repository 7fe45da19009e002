select
    measure,
    count(*) as compared,
    sum(case when is_within then 1 else 0 end) as agree,
    max(abs(difference)) as largest_difference,
    max(tolerance) as allowed
from dialpad_marts.dialpad__reconciliation
where window_end between :since and :until
group by measure
order by sum(case when is_within then 0 else 1 end) desc, compared desc, measure
