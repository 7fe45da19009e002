{#- One leg that has a transcript or a recap: how long they are, never what they say. -#}

with transcripts as (
    select * from {{ ref('stg_dialpad__call_transcripts') }}
),

recaps as (
    select * from {{ ref('stg_dialpad__call_recaps') }}
),

moments as (
    select call_id, count(*) as kinds_of_moments, sum(times) as moments
    from {{ ref('dialpad__call_moments') }}
    group by call_id
),

keys as (
    select call_id, started_at, source_relation from transcripts
    {{ dialpad.union_distinct() }}
    select call_id, started_at, source_relation from recaps
),

found as (
    select call_id, min(started_at) as started_at, max(source_relation) as source_relation
    from keys
    group by call_id
)

select
    found.call_id,
    legs.master_call_id,
    legs.agent_id,
    coalesce(legs.entry_target_id, legs.line_id) as line_id,
    found.started_at,
    {{ dialpad.local_date('found.started_at') }} as started_date,
    transcripts.call_id is not null as has_transcript,
    transcripts.line_count - coalesce(moments.moments, 0) as spoken_lines,
    length(transcripts.text) as characters,
    coalesce(moments.moments, 0) as moments,
    coalesce(moments.kinds_of_moments, 0) as kinds_of_moments,
    recaps.call_id is not null as has_recap,
    recaps.created_at as recap_created_at,
    coalesce(recaps.is_summary_edited, false) as is_recap_edited,
    found.source_relation
from found
left join transcripts on found.call_id = transcripts.call_id
left join recaps on found.call_id = recaps.call_id
left join moments on found.call_id = moments.call_id
left join {{ ref('dialpad__call_legs') }} as legs on found.call_id = legs.call_id
