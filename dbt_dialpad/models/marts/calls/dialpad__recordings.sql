{%- set factor = {'minutes': 60, 'seconds': 1, 'milliseconds': 0.001}[var('dialpad_recording_duration_unit')] -%}

with recordings as (
    select * from {{ ref('stg_dialpad__records_recordings') }}
),

legs as (
    select call_id, coalesce(entry_point_call_id, call_id) as entry_call_id from {{ ref('dialpad__call_legs') }}
)

select
    recordings.record_key as recording_key,
    coalesce(legs.entry_call_id, recordings.call_id) as call_id,
    recordings.call_id as leg_call_id,
    recordings.target_id,
    recordings.name as target_name,
    recordings.operator_id as agent_id,
    recordings.occurred_at as recorded_at,
    {{ dialpad.local_date('recordings.occurred_at') }} as recorded_date,
    recordings.duration_as_given,
    recordings.duration_as_given * {{ factor }} as duration_seconds,
    legs.call_id is not null as has_call,
    recordings.source_relation
from recordings
left join legs on recordings.call_id = legs.call_id
