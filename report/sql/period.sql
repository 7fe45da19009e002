select date, week, is_newest
from dialpad_marts.dialpad__dates
order by date
