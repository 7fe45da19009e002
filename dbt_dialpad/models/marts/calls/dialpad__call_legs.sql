{{ config(materialized='incremental', unique_key='call_id', incremental_strategy=dialpad.incremental_strategy(), on_schema_change='append_new_columns') }}

with records as (
    select * from {{ ref('stg_dialpad__records_calls') }}
),

listed as (
    select * from {{ ref('stg_dialpad__calls') }}
),

joined as (
    select
        coalesce(records.call_id, listed.call_id) as call_id,
        coalesce(records.master_call_id, listed.master_call_id, records.entry_point_call_id, listed.entry_point_call_id, records.call_id, listed.call_id) as master_call_id,
        coalesce(records.entry_point_call_id, listed.entry_point_call_id) as entry_point_call_id,
        case
            when records.call_id is null then 'list' when listed.call_id is null then 'records' else 'both'
        end as leg_source,
        coalesce(records.direction, listed.direction) as direction,
        coalesce(records.category, case
            when listed.direction = 'inbound' and listed.connected_at is not null then 'incoming'
            when listed.direction = 'inbound' then 'missed'
            when listed.connected_at is not null then 'outgoing'
            else 'cancelled'
        end) as category,
        records.categories,
        coalesce(records.target_id, listed.target_id) as target_id,
        {{ dialpad.kind_name('coalesce(records.target_type, listed.target_type, records.target_kind)') }} as target_kind,
        coalesce(records.name, listed.target_name) as target_name,
        coalesce(records.entry_point_target_id, listed.entry_point_target_id) as entry_target_id,
        coalesce(records.office_id, case when listed.target_type = 'office' then listed.target_id end) as office_id,
        coalesce(records.external_number, listed.external_number) as external_number_given,
        coalesce(records.internal_number, listed.internal_number) as internal_number,
        coalesce(records.started_at, listed.started_at) as started_at,
        records.queued_at,
        coalesce(records.first_rang_at, listed.rang_at) as first_rang_at,
        coalesce(records.rang_at, listed.rang_at) as rang_at,
        case when records.call_id is null then listed.connected_at else records.connected_at end as connected_at,
        coalesce(records.ended_at, listed.ended_at) as ended_at,
        case when records.call_id is null then listed.duration_seconds else records.talk_seconds end as talk_seconds,
        records.hold_seconds,
        records.wrapup_seconds,
        records.ringing_seconds,
        records.queued_seconds,
        records.availability,
        coalesce(records.is_internal, listed.contact_type = 'user') as is_internal,
        coalesce(records.has_voicemail, listed.state = 'voicemail', false) as has_voicemail,
        coalesce(records.was_recorded, listed.was_recorded) as was_recorded,
        {#- The list marks the leg that took a call over as well, so it counts only where there is nothing else. #}
        records.transferred_to is not null or (records.call_id is null and coalesce(listed.is_transferred, false)) as has_transfer_mark,
        records.transferred_from_target_id,
        records.callback_id,
        records.callback_type,
        records.callback_connected_at,
        records.callback_ended_at,
        records.device,
        records.participant_type,
        listed.state,
        listed.mos_score,
        {{ dialpad.try_number('listed.csat_score') }} as csat_score,
        {{ dialpad.json_list_text('listed.labels') }} as labels,
        {{ dialpad.latest('records._airbyte_extracted_at', 'listed._airbyte_extracted_at') }} as records_or_list_extracted_at,
        listed._airbyte_extracted_at as list_extracted_at,
        coalesce(records.source_relation, listed.source_relation) as source_relation
    from records
    full join listed on records.call_id = listed.call_id
),

legs as (
    select
        call_id,
        master_call_id,
        entry_point_call_id,
        entry_point_call_id is null as is_entry_leg,
        leg_source,
        direction,
        category,
        categories,
        target_id,
        target_kind,
        target_name,
        case when target_kind = 'user' then target_id end as agent_id,
        case when target_kind <> 'user' then target_id end as line_id,
        entry_target_id,
        office_id,
        {{ dialpad.external_number('external_number_given') }} as external_number,
        {{ dialpad.external_number(dialpad.digits('external_number_given')) }} as external_number_key,
        internal_number,
        started_at,
        queued_at,
        first_rang_at,
        rang_at,
        connected_at,
        ended_at,
        {{ dialpad.to_local('started_at', dialpad.account_zone()) }} as started_local,
        {{ dialpad.local_date('started_at') }} as started_date,
        connected_at is not null as is_connected,
        talk_seconds,
        hold_seconds,
        case when connected_at is not null then coalesce(wrapup_seconds, 0) else wrapup_seconds end as wrap_seconds,
        case when connected_at is not null then coalesce(talk_seconds, 0) + coalesce(hold_seconds, 0) + coalesce(wrapup_seconds, 0) end as handle_seconds,
        ringing_seconds,
        queued_seconds,
        availability,
        coalesce(availability like 'open%' or availability = 'holiday_open', false) as is_open_hours,
        coalesce(is_internal, false) as is_internal,
        {{ dialpad.has_token('categories', 'spam') }} as is_spam,
        has_voicemail,
        coalesce(was_recorded, false) as was_recorded,
        has_transfer_mark
            or {{ dialpad.has_token('categories', 'transferred_to') }}
            or {{ dialpad.has_token('categories', 'transferred_out') }}
            or {{ dialpad.has_token('categories', 'answered_transferred') }} as is_transferred,
        transferred_from_target_id is not null or {{ dialpad.has_token('categories', 'transferred_in') }} as is_transferred_in,
        transferred_from_target_id,
        callback_id,
        callback_type,
        callback_connected_at,
        callback_ended_at,
        device,
        participant_type,
        state,
        mos_score,
        csat_score,
        labels,
        source_relation,
        coalesce(records_or_list_extracted_at, list_extracted_at) as extracted_at
    from joined
)

select * from legs
{%- if is_incremental() %}
{#- Whole calls, not single legs: what one leg says may change what another means. #}
where master_call_id in (
    select changed.master_call_id from legs as changed where changed.extracted_at >= {{ dialpad.changed_since(this) }}
)
{%- endif %}
