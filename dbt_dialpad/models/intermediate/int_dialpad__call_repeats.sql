{#- For inbound calls of a number from outside: when the same number called again, at the same line and at any.

Calls of one master_call_id are one call here: being passed on is no repeat. -#}

with calls as (
    select call_id, master_call_id, external_number_key, target_id, started_at
    from {{ ref('int_dialpad__call_entries') }}
    where direction = 'inbound' and not is_internal and external_number_key is not null
),

newest as (
    select max(started_at) as started_at from {{ ref('int_dialpad__call_entries') }}
),

at_line as (
    select
        external_number_key,
        target_id,
        master_call_id,
        min(call_id) as first_call_id,
        min(started_at) as started_at
    from calls
    group by external_number_key, target_id, master_call_id
),

at_line_followed as (
    select
        *,
        lag(first_call_id) over (partition by external_number_key, target_id order by started_at, master_call_id) as earlier_call_id,
        lag(started_at) over (partition by external_number_key, target_id order by started_at, master_call_id) as earlier_started_at,
        lead(started_at) over (partition by external_number_key, target_id order by started_at, master_call_id) as next_started_at
    from at_line
),

anywhere as (
    select external_number_key, master_call_id, min(started_at) as started_at
    from calls
    group by external_number_key, master_call_id
),

anywhere_followed as (
    select
        *,
        lead(started_at) over (partition by external_number_key order by started_at, master_call_id) as next_started_at
    from anywhere
),

timed as (
    select
        calls.call_id,
        at_line_followed.earlier_call_id,
        {{ dialpad.elapsed_seconds('at_line_followed.earlier_started_at', 'calls.started_at') }} as seconds_since_earlier,
        {{ dialpad.elapsed_seconds('calls.started_at', 'at_line_followed.next_started_at') }} as next_call_seconds,
        {{ dialpad.elapsed_seconds('calls.started_at', 'anywhere_followed.next_started_at') }} as next_call_seconds_any_line,
        {{ dialpad.elapsed_seconds('calls.started_at', 'newest.started_at') }} as known_seconds
    from calls
    inner join at_line_followed
        on calls.external_number_key = at_line_followed.external_number_key
        and calls.target_id = at_line_followed.target_id
        and calls.master_call_id = at_line_followed.master_call_id
    inner join anywhere_followed
        on calls.external_number_key = anywhere_followed.external_number_key
        and calls.master_call_id = anywhere_followed.master_call_id
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
