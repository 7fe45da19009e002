select
    case when target_kind = 'user' then target_id end as agent_id,
    case when target_kind = 'user' then target_name end as agent_name,
    case when target_kind <> 'user' then target_name end as line_name,
    sum(received) as received,
    sum(sent) as sent,
    sum(texts_to_answer) as to_answer,
    sum(replies) as replies,
    sum(first_reply_seconds) / nullif(sum(replies), 0) as average_reply_seconds,
    count(*) over () as of_all,
    sum(sum(received)) over () as received_by_all,
    sum(sum(sent)) over () as sent_by_all
from dialpad_marts.dialpad__text_line_days
where date between :since and :until
group by target_id, target_kind, target_name
having sum(received + sent) > 0
order by sum(received + sent) desc, target_id
limit 10
