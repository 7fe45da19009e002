select
    coalesce(channel, 'unknown') as channel,
    count(*) as conversations,
    count(first_response_seconds) as responses,
    percentile_cont(0.5) within group (order by first_response_seconds) as response_half_within,
    percentile_cont(0.9) within group (order by first_response_seconds) as response_nine_of_ten_within,
    percentile_cont(0.5) within group (order by handover_seconds) as handover_half_within,
    percentile_cont(0.9) within group (order by handover_seconds) as handover_nine_of_ten_within,
    sum(case when sentiment_change > 0 then 1 else 0 end) as sentiment_up,
    sum(case when sentiment_change = 0 then 1 else 0 end) as sentiment_same,
    sum(case when sentiment_change < 0 then 1 else 0 end) as sentiment_down
from dialpad_marts.dialpad__conversations
where started_date between :since and :until
group by 1
order by conversations desc, 1
limit 10
