{#- For inbound calls of a number from outside: when the same number called again, at the same line and at any.

Calls of one master_call_id are one call here: being passed on is no repeat. The first call of each is looked at beside
the first of the next, and what it says holds for all of them. By windows alone: joins of this on three columns are
slow in Postgres. -#}

with calls as (
    select
        call_id,
        master_call_id,
        external_number_key,
        target_id,
        started_at,
        case when row_number() over (
            partition by external_number_key, target_id, master_call_id order by started_at, call_id
        ) = 1 then 1 else 0 end as is_first_at_line,
        case when row_number() over (
            partition by external_number_key, master_call_id order by started_at, call_id
        ) = 1 then 1 else 0 end as is_first
    from {{ ref('int_dialpad__call_entries') }}
    where direction = 'inbound' and not is_internal and external_number_key is not null
),

firsts as (
    select
        *,
        lag(call_id) over (partition by external_number_key, target_id, is_first_at_line order by started_at, call_id) as earlier_call_id,
        lag(started_at) over (partition by external_number_key, target_id, is_first_at_line order by started_at, call_id) as earlier_started_at,
        lead(started_at) over (partition by external_number_key, target_id, is_first_at_line order by started_at, call_id) as next_started_at,
        lead(started_at) over (partition by external_number_key, is_first order by started_at, call_id) as next_started_at_any_line
    from calls
),

spread as (
    select
        call_id,
        started_at,
        max(case when is_first_at_line = 1 then earlier_call_id end) over (partition by external_number_key, target_id, master_call_id) as earlier_call_id,
        max(case when is_first_at_line = 1 then earlier_started_at end) over (partition by external_number_key, target_id, master_call_id) as earlier_started_at,
        max(case when is_first_at_line = 1 then next_started_at end) over (partition by external_number_key, target_id, master_call_id) as next_started_at,
        max(case when is_first = 1 then next_started_at_any_line end) over (partition by external_number_key, master_call_id) as next_started_at_any_line
    from firsts
),

newest as (
    select max(started_at) as newest_started_at from {{ ref('int_dialpad__call_entries') }}
),

timed as (
    select
        call_id,
        earlier_call_id,
        {{ dialpad.elapsed_seconds('earlier_started_at', 'started_at') }} as seconds_since_earlier,
        {{ dialpad.elapsed_seconds('started_at', 'next_started_at') }} as next_call_seconds,
        {{ dialpad.elapsed_seconds('started_at', 'next_started_at_any_line') }} as next_call_seconds_any_line,
        {{ dialpad.elapsed_seconds('started_at', 'newest_started_at') }} as known_seconds
    from spread
    cross join newest
)

{%- set horizon = var('dialpad_repeat_days') * 86400 %}

select
    call_id,
    case when seconds_since_earlier <= {{ horizon }} then earlier_call_id end as repeat_of_call_id,
    next_call_seconds,
    next_call_seconds_any_line,
    case when known_seconds >= {{ horizon }} then coalesce(next_call_seconds > {{ horizon }}, true) end as is_repeat_free,
    case when known_seconds >= {{ horizon }} then coalesce(next_call_seconds_any_line > {{ horizon }}, true) end as is_repeat_free_any_line
from timed
