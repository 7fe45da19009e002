with dispositions as (
    select * from {{ ref('stg_dialpad__records_dispositions') }}
),

legs as (
    select call_id, coalesce(entry_point_call_id, call_id) as entry_call_id from {{ ref('dialpad__call_legs') }}
)

select
    dispositions.record_key as disposition_key,
    coalesce(legs.entry_call_id, dispositions.call_id) as call_id,
    dispositions.operator_id as agent_id,
    dispositions.operator_name as agent_name,
    dispositions.target_id,
    {{ dialpad.kind_name('dispositions.target_kind') }} as target_kind,
    dispositions.disposition,
    {{ dbt.split_part('dispositions.disposition', "'~'", 1) }} as category,
    case when {{ dbt.position("'~'", 'dispositions.disposition') }} > 0
        then substring(dispositions.disposition, {{ dbt.position("'~'", 'dispositions.disposition') }} + 1)
    end as subcategory,
    nullif(dispositions.disposition, '') is not null as is_set,
    dispositions.note is not null as has_note,
    dispositions.direction,
    dispositions.started_at,
    {{ dialpad.local_date('dispositions.started_at') }} as started_date,
    dispositions.ended_at,
    legs.call_id is not null as has_call,
    dispositions.source_relation
from dispositions
left join legs on dispositions.call_id = legs.call_id
