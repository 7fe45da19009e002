{{ config(materialized='incremental', unique_key='session_id', incremental_strategy=dialpad.incremental_strategy(), on_schema_change='append_new_columns') }}
{#- Sessions of the session list and of the messages, joined both ways: that their ids are the same is documented nowhere. -#}

with messages as (
    select
        sessionid as session_id,
        max(customersessionid) as customer_session_id,
        max(sessionchannel) as channel,
        max(chattype) as chat_type,
        min(created_at) as first_message_at,
        max(created_at) as last_message_at,
        count(*) as messages,
        {{ dialpad.count_if("sendertype = 'customer'") }} as customer_messages,
        {{ dialpad.count_if("sendertype = 'bot'") }} as bot_messages,
        {{ dialpad.count_if("sendertype = 'agent'") }} as agent_messages,
        min(case when sendertype = 'customer' then created_at end) as first_customer_message_at,
        min(case when sendertype = 'agent' then created_at end) as first_agent_message_at,
        max(source_relation) as source_relation,
        max(_airbyte_extracted_at) as extracted_at
    from {{ ref('stg_dialpad__messages') }}
    where sessionid is not null
    group by sessionid
),

sessions as (
    select * from {{ ref('stg_dialpad__digital_sessions') }}
),

joined as (
    select
        coalesce(sessions.session_id, messages.session_id) as session_id,
        coalesce(sessions.customer_session_id, messages.customer_session_id, 'session:' || coalesce(sessions.session_id, messages.session_id)) as customer_session_id,
        coalesce(sessions.session_channel, messages.channel) as channel,
        coalesce(sessions.chat_type, messages.chat_type) as chat_type,
        sessions.direction,
        sessions.cause,
        coalesce(sessions.created_at, messages.first_message_at) as started_at,
        coalesce(sessions.ended_at, case when sessions.session_id is null then messages.last_message_at end) as ended_at,
        sessions.duration_seconds,
        sessions.bot_seconds,
        sessions.queue_seconds,
        sessions.wrap_up_seconds as wrap_seconds,
        sessions.queued_status,
        coalesce(sessions.is_agent_handled, false) as is_agent_handled,
        coalesce(sessions.is_agent_transfer, false) as is_agent_transfer,
        sessions.user_id as agent_id,
        sessions.user_display_name as agent_name,
        sessions.target_id as line_id,
        sessions.target_name as line_name,
        sessions.office_id,
        {{ dialpad.json_list_text('sessions.agent_group_name') }} as agent_groups,
        {{ dialpad.json_list_text('sessions.disposition') }} as dispositions,
        sessions.skill,
        sessions.customer_csat_score as csat_score,
        sessions.aicsat_score as predicted_csat_score,
        sessions.survey_status,
        coalesce(messages.messages, 0) as messages,
        coalesce(messages.customer_messages, 0) as customer_messages,
        coalesce(messages.bot_messages, 0) as bot_messages,
        coalesce(messages.agent_messages, sessions.agent_message_count, 0) as agent_messages,
        sessions.agent_message_count,
        messages.first_customer_message_at,
        messages.first_agent_message_at,
        sessions.session_id is not null as has_session,
        messages.session_id is not null as has_messages,
        coalesce(sessions.source_relation, messages.source_relation) as source_relation,
        coalesce({{ dialpad.latest('sessions._airbyte_extracted_at', 'messages.extracted_at') }}, messages.extracted_at) as extracted_at
    from sessions
    full join messages on sessions.session_id = messages.session_id
),

ordered as (
    select
        *,
        max(case when chat_type = 'agent' then 1 else 0 end) over (
            partition by customer_session_id order by started_at, session_id rows between unbounded preceding and 1 preceding
        ) as follows_agent
    from joined
),

kinds as (
    select
        ordered.*,
        case
            when chat_type = 'agent' then 'agent'
            when survey_status is not null or follows_agent = 1 then 'survey'
            else 'bot'
        end as session_kind
    from ordered
)

select
    session_id,
    customer_session_id,
    session_kind,
    channel,
    direction,
    cause,
    started_at,
    ended_at,
    {{ dialpad.local_date('started_at') }} as started_date,
    duration_seconds,
    bot_seconds,
    queue_seconds,
    wrap_seconds,
    queued_status,
    is_agent_handled,
    is_agent_transfer,
    agent_id,
    agent_name,
    line_id,
    line_name,
    office_id,
    agent_groups,
    dispositions,
    skill,
    csat_score,
    predicted_csat_score,
    survey_status,
    messages,
    customer_messages,
    bot_messages,
    agent_messages,
    agent_message_count,
    first_customer_message_at,
    first_agent_message_at,
    has_session,
    has_messages,
    source_relation,
    extracted_at
from kinds
{%- if is_incremental() %}
where customer_session_id in (
    select changed.customer_session_id from kinds as changed where changed.extracted_at >= {{ dialpad.changed_since(this) }}
)
{%- endif %}
