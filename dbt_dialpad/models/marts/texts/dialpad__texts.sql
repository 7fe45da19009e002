{#- One text. An internal text stands once for each of its lines in the export. -#}

with texts as (
    select
        message_id,
        min(occurred_at) as occurred_at,
        min(occurred_date) as occurred_date,
        min(direction) as direction,
        max(sender_id) as sender_id,
        max(case when target_id = sender_id then target_kind end) as sender_kind,
        max(case when target_id = sender_id and target_kind <> 'user' then target_id end) as sender_line_id,
        max(case when target_id = sender_id and target_kind = 'user' then target_id end) as sender_agent_id,
        count(distinct target_id) as lines,
        max(recipients) as recipients,
        max(recipients) > 1 as is_group,
        max(case when has_attachment then 1 else 0 end) = 1 as has_attachment,
        max(source_relation) as source_relation
    from {{ ref('int_dialpad__text_rows') }}
    group by message_id
),

deliveries as (
    select
        sms_event_id,
        message_status,
        message_delivery_result,
        row_number() over (
            partition by sms_event_id
            order by case when event_timestamp_at is null then 1 else 0 end, event_timestamp_at desc, received_at desc, event_id
        ) as place
    from {{ ref('stg_dialpad__sms_events') }}
    where sms_event_id is not null and message_status is not null
)

select
    texts.*,
    deliveries.message_status as delivery_status,
    deliveries.message_delivery_result as delivery_result
from texts
left join deliveries on texts.message_id = deliveries.sms_event_id and deliveries.place = 1
