{#- One kind of moment that was noticed in one leg's transcript, and how often. -#}

with transcripts as (
    select * from {{ ref('stg_dialpad__call_transcripts') }}
),

members as (
    {{ dialpad.json_members('transcripts', 'moments', ['call_id', 'started_at', 'target_id', 'source_relation']) }}
)

select
    {{ dialpad.derived_key(['call_id', 'field']) }} as call_moment_key,
    call_id,
    field as moment,
    cast({{ dialpad.try_number('value') }} as {{ dbt.type_bigint() }}) as times,
    target_id,
    started_at,
    {{ dialpad.local_date('started_at') }} as started_date,
    source_relation
from members
