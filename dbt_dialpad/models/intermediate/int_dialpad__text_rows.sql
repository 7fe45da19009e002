{{ config(materialized='view') }}
{#- One text as one line or person sees it. -#}

select
    message_id,
    target_id,
    {{ dialpad.kind_name('target_type') }} as target_kind,
    name as target_name,
    case when {{ dialpad.kind_name('target_type') }} = 'user' then target_id end as agent_id,
    case when {{ dialpad.kind_name('target_type') }} <> 'user' then target_id end as line_id,
    direction,
    sender_id,
    occurred_at,
    {{ dialpad.local_date('occurred_at') }} as occurred_date,
    length(coalesce(to_phone, '')) - length(replace(coalesce(to_phone, ''), ',', '')) + 1 as recipients,
    mms is not null as has_attachment,
    {{ dialpad.digits("case when direction = 'inbound' then from_phone else to_phone end") }} as other_number_key,
    source_relation
from {{ ref('stg_dialpad__records_texts') }}
