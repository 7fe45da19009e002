select
    'voicemails' as promise,
    count(*) as given,
    sum(case when is_listened then 1 else 0 end) as kept,
    percentile_cont(0.5) within group (order by seconds_to_listen) as typical_seconds,
    max(case when not is_listened then age_seconds end) as oldest_open_seconds
from dialpad_marts.dialpad__voicemails
where line_id is not null and left_date between :since and :until
having count(*) > 0

union all

select
    'callbacks',
    count(*),
    sum(case when outcome = 'connected' then 1 else 0 end),
    percentile_cont(0.5) within group (order by seconds_to_connect),
    null
from dialpad_marts.dialpad__callbacks
where requested_date between :since and :until
having count(*) > 0
