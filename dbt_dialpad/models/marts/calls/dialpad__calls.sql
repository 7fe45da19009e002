with scores as (
    select
        call_id,
        score,
        row_number() over (
            partition by call_id
            order by case when answered_at_printed is null then 1 else 0 end, answered_at_printed desc, window_start desc, record_key desc
        ) as place
    from {{ ref('dialpad__csat_answers') }}
    where is_score
),

dispositions as (
    select
        call_id,
        disposition,
        row_number() over (
            partition by call_id
            order by case when ended_at is null then 1 else 0 end, ended_at desc, disposition_key desc
        ) as place
    from {{ ref('dialpad__dispositions') }}
    where is_set and call_id is not null
),

recordings as (
    select distinct call_id from {{ ref('dialpad__recordings') }} where call_id is not null
)

select
    calls.call_id,
    calls.master_call_id,
    calls.direction,
    calls.category,
    calls.outcome,
    calls.line_id,
    calls.line_name,
    calls.line_kind,
    calls.target_id,
    calls.target_kind,
    calls.target_name,
    calls.office_id,
    calls.is_offered,
    calls.is_connected,
    calls.is_open_hours,
    calls.is_internal,
    calls.is_spam,
    calls.started_at,
    calls.started_local,
    calls.started_date,
    calls.line_timezone,
    calls.line_started_date,
    calls.connected_at,
    calls.ended_at,
    calls.wait_seconds,
    calls.outcome = 'abandoned' and calls.total_seconds < {{ var('dialpad_short_abandon_seconds') }} as is_short_abandoned,
    calls.service_level_seconds,
    calls.service_level_target,
    calls.outcome = 'answered' and calls.wait_seconds <= calls.service_level_seconds as is_within_service_level,
    calls.total_seconds,
    calls.talk_seconds,
    calls.hold_seconds,
    calls.wrap_seconds,
    calls.handle_seconds,
    calls.agent_id,
    calls.last_agent_id,
    calls.agents_rung,
    calls.agents_connected,
    calls.is_transferred,
    calls.is_transferred_in,
    calls.external_number,
    calls.external_number_key,
    calls.internal_number,
    repeats.repeat_of_call_id,
    repeats.next_call_seconds,
    repeats.next_call_seconds_any_line,
    repeats.is_repeat_free,
    repeats.is_repeat_free_any_line,
    calls.callback_id,
    calls.callback_connected_at,
    coalesce(scores.score, calls.csat_score_of_list) as csat_score,
    dispositions.disposition,
    calls.labels,
    recordings.call_id is not null as has_recording,
    calls.has_voicemail,
    calls.mos_score,
    calls.source_relation
from {{ ref('int_dialpad__call_lines') }} as calls
left join {{ ref('int_dialpad__call_repeats') }} as repeats on calls.call_id = repeats.call_id
left join scores on calls.call_id = scores.call_id and scores.place = 1
left join dispositions on calls.call_id = dispositions.call_id and dispositions.place = 1
left join recordings on calls.call_id = recordings.call_id
