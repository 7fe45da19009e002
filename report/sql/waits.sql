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
),

bins as (
    select
        *,
        case
            when nine_of_ten_within <= 30 then 2 when nine_of_ten_within <= 80 then 5
            when nine_of_ten_within <= 180 then 10 when nine_of_ten_within <= 600 then 30 else 60
        end as bin_seconds
    from typical
)

select
    case when wait_seconds >= 24 * bin_seconds then 24 * bin_seconds else floor(wait_seconds / bin_seconds) * bin_seconds end as from_second,
    sum(case when outcome = 'answered' then 1 else 0 end) as answered,
    sum(case when outcome = 'abandoned' then 1 else 0 end) as abandoned,
    sum(case when outcome = 'answered' and wait_seconds >= 60 then 1 else 0 end) as answered_late,
    max(bin_seconds) as bin_seconds,
    max(half_within) as half_within,
    max(nine_of_ten_within) as nine_of_ten_within
from waits
cross join bins
group by 1
order by 1
