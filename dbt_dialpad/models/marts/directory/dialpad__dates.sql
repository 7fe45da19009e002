{%- set seen = [
    ('stg_dialpad__records_calls', 'started_at'), ('stg_dialpad__calls', 'started_at'), ('stg_dialpad__records_onduty', 'occurred_at'),
    ('stg_dialpad__records_texts', 'occurred_at'), ('stg_dialpad__records_voicemails', 'occurred_at'),
    ('stg_dialpad__records_dispositions', 'started_at'), ('stg_dialpad__records_recordings', 'occurred_at'),
    ('stg_dialpad__digital_sessions', 'created_at'), ('stg_dialpad__messages', 'created_at'),
] %}

with instants as (
    {%- for model, column in seen %}
    {{ 'union all' if not loop.first }} select min({{ column }}) as first_at, max({{ column }}) as last_at from {{ ref(model) }}
    {%- endfor %}
),

range_of_days as (
    select {{ dialpad.local_date('min(first_at)') }} as first_date, {{ dialpad.local_date('max(last_at)') }} as last_date
    from instants
),

numbers as (
    {{ dialpad.natural_numbers() }}
),

days as (
    select {{ dialpad.days_after('range_of_days.first_date', 'numbers.number') }} as date, range_of_days.last_date
    from range_of_days
    inner join numbers on numbers.number <= {{ dialpad.days_between('range_of_days.first_date', 'range_of_days.last_date') }}
)

select
    date,
    {{ dialpad.to_utc('cast(date as ' ~ dbt.type_timestamp() ~ ')', dialpad.account_zone()) }} as starts_at,
    {{ dialpad.to_utc('cast(' ~ dialpad.days_after('date', 1) ~ ' as ' ~ dbt.type_timestamp() ~ ')', dialpad.account_zone()) }} as ends_at,
    {{ dialpad.week_start('date') }} as week,
    {{ dialpad.month_start('date') }} as month,
    {{ dialpad.iso_weekday('date') }} as iso_weekday,
    case {{ dialpad.iso_weekday('date') }}
        when 1 then 'Monday' when 2 then 'Tuesday' when 3 then 'Wednesday' when 4 then 'Thursday'
        when 5 then 'Friday' when 6 then 'Saturday' else 'Sunday'
    end as weekday,
    {{ dialpad.iso_weekday('date') }} >= 6 as is_weekend,
    date = last_date as is_newest
from days
