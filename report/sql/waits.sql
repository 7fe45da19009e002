with waits as (
    select wait_seconds, outcome
    from dialpad_marts.dialpad__calls
    where is_offered and outcome in ('answered', 'abandoned') and wait_seconds is not null
        and line_started_date between :since and :until
),

typical as (
    select
        percentile_cont(0.5) within group (order by wait_seconds) as half_within,
        percentile_cont(0.9) within group (order by wait_seconds) as nine_of_ten_within
    from waits
    where outcome = 'answered'
)

select
    case when wait_seconds >= 180 then 180 else floor(wait_seconds / 10) * 10 end as from_second,
    sum(case when outcome = 'answered' then 1 else 0 end) as answered,
    sum(case when outcome = 'abandoned' then 1 else 0 end) as abandoned,
    max(half_within) as half_within,
    max(nine_of_ten_within) as nine_of_ten_within
from waits
cross join typical
group by 1
order by 1
