with satisfied as (
    select line_id, sum(csat_calls) as answers, sum(csat_satisfied) as satisfied
    from dialpad_marts.dialpad__line_days
    where date between :since and :until
    group by line_id
)

select
    calls.line_name,
    sum(case when calls.csat_score = 1 then 1 else 0 end) as score_1,
    sum(case when calls.csat_score = 2 then 1 else 0 end) as score_2,
    sum(case when calls.csat_score = 3 then 1 else 0 end) as score_3,
    sum(case when calls.csat_score = 4 then 1 else 0 end) as score_4,
    sum(case when calls.csat_score = 5 then 1 else 0 end) as score_5,
    max(satisfied.satisfied) as satisfied,
    max(satisfied.answers) as answers,
    max(satisfied.satisfied) * 1.0 / nullif(max(satisfied.answers), 0) as csat_rate
from dialpad_marts.dialpad__calls as calls
join satisfied on calls.line_id = satisfied.line_id
where calls.csat_score is not null and calls.line_started_date between :since and :until
group by calls.line_id, calls.line_name
order by csat_rate desc, calls.line_id
limit 15
