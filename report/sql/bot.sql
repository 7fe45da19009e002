select
    :bucket as starts_on,
    coalesce(channel, 'unknown') as channel,
    sum(conversations) as conversations,
    sum(started_with_bot) as started_with_bot,
    sum(contained) as contained,
    sum(started_with_bot - contained) as handed_over,
    sum(conversations - started_with_bot) as without_bot
from dialpad_marts.dialpad__conversation_days
join dialpad_marts.dialpad__dates using (date)
where date between :since and :until
group by 1, 2
order by 1, 2
