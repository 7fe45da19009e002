{#- One text. An internal text stands once for each of its lines in the export. -#}

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
