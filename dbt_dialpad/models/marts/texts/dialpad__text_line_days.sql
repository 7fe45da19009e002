{#- Texts of a line or person and day. A reply is the first text out to a number after a text in from it, at that line. -#}

with texts as (
    select * from {{ ref('int_dialpad__text_rows') }}
),

exchange as (
    select
        target_id,
        occurred_date,
        occurred_at,
        direction,
        lag(direction) over (partition by target_id, other_number_key order by occurred_at, message_id) as direction_before,
        min(case when direction = 'outbound' then occurred_at end) over (
            partition by target_id, other_number_key order by occurred_at, message_id rows between 1 following and unbounded following
        ) as replied_at
    from texts
    where direction in ('inbound', 'outbound') and other_number_key is not null
),

replies as (
    select
        target_id,
        occurred_date,
        count(*) as texts_to_answer,
        count(replied_at) as replies,
        sum({{ dialpad.elapsed_seconds('occurred_at', 'replied_at') }}) as first_reply_seconds
    from exchange
    where direction = 'inbound' and coalesce(direction_before, 'outbound') = 'outbound'
    group by target_id, occurred_date
),

counts as (
    select
        target_id,
        occurred_date,
        max(target_kind) as target_kind,
        max(target_name) as target_name,
        {{ dialpad.count_if("direction = 'outbound'") }} as sent,
        {{ dialpad.count_if("direction = 'inbound'") }} as received,
        {{ dialpad.count_if("direction = 'internal'") }} as internal,
        {{ dialpad.count_if('recipients > 1') }} as to_groups,
        {{ dialpad.count_if('has_attachment') }} as with_attachment,
        max(source_relation) as source_relation
    from texts
    group by target_id, occurred_date
)

select
    {{ dialpad.derived_key(['counts.target_id', 'counts.occurred_date']) }} as text_line_day_key,
    counts.target_id,
    counts.target_kind,
    counts.target_name,
    counts.occurred_date as date,
    counts.sent,
    counts.received,
    counts.internal,
    counts.to_groups,
    counts.with_attachment,
    coalesce(replies.texts_to_answer, 0) as texts_to_answer,
    coalesce(replies.replies, 0) as replies,
    replies.first_reply_seconds,
    {{ dialpad.ratio('replies.first_reply_seconds', 'replies.replies') }} as average_first_reply_seconds,
    counts.source_relation
from counts
left join replies on counts.target_id = replies.target_id and counts.occurred_date = replies.occurred_date
