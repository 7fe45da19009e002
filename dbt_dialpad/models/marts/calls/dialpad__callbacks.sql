{#- One callback, however many rows it left: whether a request and its outcome share a row is documented nowhere. -#}

with calls as (
    select *, coalesce(callback_id, call_id) as callback_key
    from {{ ref('dialpad__calls') }}
    where outcome like 'callback%' or callback_id is not null or callback_connected_at is not null
)

select
    callback_key,
    max(line_id) as line_id,
    max(line_name) as line_name,
    min(started_at) as requested_at,
    min(started_date) as requested_date,
    min(callback_connected_at) as connected_at,
    case
        when max(case when outcome = 'callback_connected' then 1 else 0 end) = 1 then 'connected'
        when max(case when outcome = 'callback_cancelled' then 1 else 0 end) = 1 then 'cancelled'
        when max(case when outcome = 'callback_unconnected' then 1 else 0 end) = 1 then 'unconnected'
        else 'requested'
    end as outcome,
    {{ dialpad.elapsed_seconds('min(started_at)', 'min(callback_connected_at)') }} as seconds_to_connect,
    count(*) as calls,
    max(source_relation) as source_relation
from calls
group by callback_key
