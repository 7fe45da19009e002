select
    :bucket as starts_on,
    sum(offered) as offered,
    sum(answered) as answered,
    sum(voicemail) as voicemail,
    sum(missed - voicemail) as missed,
    sum(abandoned) as abandoned,
    sum(other_offered) as other
from dialpad_marts.dialpad__line_days
join dialpad_marts.dialpad__dates using (date)
where date between :since and :until
group by 1
having sum(offered) > 0
order by 1
