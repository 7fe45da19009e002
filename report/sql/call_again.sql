select
    :bucket as starts_on,
    sum(repeat_judged) as callers,
    sum(repeat_judged - repeat_free) as again_same_line,
    sum(repeat_judged - repeat_free_any_line) as again_any_line,
    sum(repeat_judged - repeat_free) * 1.0 / sum(repeat_judged) as same_line_rate,
    sum(repeat_judged - repeat_free_any_line) * 1.0 / sum(repeat_judged) as any_line_rate
from dialpad_marts.dialpad__line_days
join dialpad_marts.dialpad__dates using (date)
where date between :since and :week_ago
group by 1
having sum(repeat_judged) > 0
order by 1
