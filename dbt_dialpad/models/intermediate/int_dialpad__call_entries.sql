{{ config(materialized='incremental', unique_key='call_id', incremental_strategy=dialpad.incremental_strategy(), on_schema_change='append_new_columns') }}
{#- One entry leg with its agent legs folded in: only what the legs themselves say. -#}

with legs as (
    select * from {{ ref('dialpad__call_legs') }}
    {%- if is_incremental() %}
    where master_call_id in (
        select changed.master_call_id from {{ ref('dialpad__call_legs') }} as changed
        where changed.extracted_at >= {{ dialpad.changed_since(this) }}
    )
    {%- endif %}
),

agent_legs as (
    select
        *,
        row_number() over (partition by entry_point_call_id order by case when is_connected then 0 else 1 end, connected_at, call_id) as first_place,
        row_number() over (partition by entry_point_call_id order by case when is_connected then 0 else 1 end, connected_at desc, call_id desc) as last_place
    from legs
    where not is_entry_leg and target_kind = 'user'
),

folded as (
    select
        entry_point_call_id,
        max(case when first_place = 1 and is_connected then agent_id end) as agent_id,
        max(case when last_place = 1 and is_connected then agent_id end) as last_agent_id,
        count(distinct agent_id) as agents_rung,
        count(distinct case when is_connected then agent_id end) as agents_connected,
        {{ dialpad.count_if('is_connected') }} as agent_legs_connected,
        max(case when is_transferred then 1 else 0 end) as has_transferred_leg,
        sum(handle_seconds) as agents_handle_seconds,
        max(csat_score) as csat_score
    from agent_legs
    group by entry_point_call_id
),

leg_readings as (
    select entry_point_call_id, max(extracted_at) as extracted_at
    from legs
    where not is_entry_leg
    group by entry_point_call_id
)

select
    entry.call_id,
    entry.master_call_id,
    entry.direction,
    entry.category,
    case entry.category
        when 'incoming' then 'answered'
        when 'abandoned' then 'abandoned'
        when 'missed' then case when entry.has_voicemail then 'voicemail' else 'missed' end
        when 'callback_requested' then 'callback_requested'
        when 'callback_connected' then 'callback_connected'
        when 'callback_cancelled' then 'callback_cancelled'
        when 'callback_unconnected' then 'callback_unconnected'
        when 'outgoing' then 'connected'
        when 'cancelled' then 'cancelled'
        when 'forwarded' then 'forwarded'
        else 'other'
    end as outcome,
    entry.line_id,
    entry.target_id,
    entry.target_kind,
    entry.target_name,
    entry.office_id,
    entry.direction = 'inbound' and entry.line_id is not null as is_offered,
    entry.is_connected,
    entry.is_open_hours,
    entry.is_internal,
    entry.is_spam,
    entry.has_voicemail,
    entry.external_number,
    entry.external_number_key,
    entry.internal_number,
    entry.started_at,
    entry.started_local,
    entry.started_date,
    entry.queued_at,
    entry.first_rang_at,
    entry.connected_at,
    entry.ended_at,
    case when entry.direction = 'inbound' then
        {{ dialpad.elapsed_seconds(
            'coalesce(' ~ dialpad.earliest('entry.queued_at', 'entry.first_rang_at') ~ ', entry.queued_at, entry.first_rang_at, entry.started_at)',
            "case when entry.category = 'incoming' then entry.connected_at else entry.ended_at end") }}
    end as wait_seconds,
    {{ dialpad.elapsed_seconds('entry.started_at', 'entry.ended_at') }} as total_seconds,
    case when entry.is_connected then coalesce(entry.talk_seconds, 0) end as talk_seconds,
    case when entry.is_connected then coalesce(entry.hold_seconds, 0) end as hold_seconds,
    case when entry.is_connected then coalesce(entry.wrap_seconds, 0) end as wrap_seconds,
    entry.handle_seconds,
    coalesce(folded.agent_id, case when entry.is_connected then entry.agent_id end) as agent_id,
    coalesce(folded.last_agent_id, case when entry.is_connected then entry.agent_id end) as last_agent_id,
    coalesce(folded.agents_rung, case when entry.agent_id is not null then 1 else 0 end) as agents_rung,
    coalesce(folded.agents_connected, case when entry.agent_id is not null and entry.is_connected then 1 else 0 end) as agents_connected,
    coalesce(folded.agent_legs_connected, 0) as agent_legs_connected,
    folded.agents_handle_seconds,
    entry.is_transferred or coalesce(folded.has_transferred_leg, 0) = 1 as is_transferred,
    entry.is_transferred_in,
    entry.callback_id,
    entry.callback_connected_at,
    entry.labels,
    entry.mos_score,
    coalesce(entry.csat_score, folded.csat_score) as csat_score_of_list,
    entry.source_relation,
    coalesce({{ dialpad.latest('entry.extracted_at', 'leg_readings.extracted_at') }}, entry.extracted_at) as extracted_at
from legs as entry
left join folded on entry.call_id = folded.entry_point_call_id
left join leg_readings on entry.call_id = leg_readings.entry_point_call_id
where entry.is_entry_leg
