with voicemails as (
    select * from {{ ref('stg_dialpad__records_voicemails') }}
),

newest as (
    select max(_airbyte_extracted_at) as extracted_at from voicemails
),

legs as (
    select call_id, coalesce(entry_point_call_id, call_id) as entry_call_id, target_kind from {{ ref('dialpad__call_legs') }}
)

select
    voicemails.call_id,
    coalesce(legs.entry_call_id, voicemails.call_id) as entry_call_id,
    voicemails.target_id,
    legs.target_kind,
    voicemails.name as target_name,
    case when legs.target_kind <> 'user' then voicemails.target_id end as line_id,
    case when legs.target_kind = 'user' then voicemails.target_id end as agent_id,
    {{ dialpad.external_number('voicemails.external_number') }} as external_number,
    voicemails.occurred_at as left_at,
    {{ dialpad.local_date('voicemails.occurred_at') }} as left_date,
    voicemails.listened_at,
    voicemails.listened_by_target_id as listened_by_agent_id,
    voicemails.listened_at is not null as is_listened,
    {{ dialpad.elapsed_seconds('voicemails.occurred_at', 'voicemails.listened_at') }} as seconds_to_listen,
    {{ dialpad.elapsed_seconds('voicemails.occurred_at', 'newest.extracted_at') }} as age_seconds,
    legs.call_id is not null as has_call,
    voicemails.source_relation
from voicemails
left join legs on voicemails.call_id = legs.call_id
cross join newest
