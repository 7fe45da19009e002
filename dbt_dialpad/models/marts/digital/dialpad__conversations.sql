{{ config(materialized='incremental', unique_key='customer_session_id', incremental_strategy=dialpad.incremental_strategy(), on_schema_change='append_new_columns') }}

with sessions as (
    select * from {{ ref('dialpad__digital_sessions') }}
    {%- if is_incremental() %}
    where customer_session_id in (
        select changed.customer_session_id from {{ ref('dialpad__digital_sessions') }} as changed
        where changed.extracted_at >= {{ dialpad.changed_since(this) }}
    )
    {%- endif %}
),

placed as (
    select
        *,
        row_number() over (partition by customer_session_id order by started_at, session_id) as place,
        row_number() over (partition by customer_session_id, session_kind order by started_at, session_id) as place_of_kind,
        row_number() over (
            partition by customer_session_id
            order by case when csat_score is null then 1 else 0 end, started_at desc, session_id desc
        ) as score_place
    from sessions
),

visits as (
    select
        customer_session_id,
        min(started_at) as started_at,
        max(ended_at) as ended_at,
        min(started_date) as started_date,
        max(case when place = 1 then channel end) as channel,
        max(case when place = 1 then direction end) as direction,
        max(case when place = 1 and session_kind = 'bot' then 1 else 0 end) as started_with_bot,
        max(case when session_kind = 'agent' or is_agent_handled or agent_messages > 0 then 1 else 0 end) as reached_agent,
        max(case when session_kind = 'survey' then 1 else 0 end) as has_survey,
        count(*) as sessions,
        {{ dialpad.count_if("session_kind = 'agent'") }} as agent_sessions,
        count(distinct agent_id) as agents,
        max(case when session_kind = 'agent' and place_of_kind = 1 then agent_id end) as first_agent_id,
        max(case when session_kind = 'agent' and place_of_kind = 1 then agent_name end) as first_agent_name,
        max(case when session_kind = 'agent' and place_of_kind = 1 then line_id end) as line_id,
        max(case when session_kind = 'agent' and place_of_kind = 1 then line_name end) as line_name,
        min(case when session_kind = 'agent' then started_at end) as first_agent_session_at,
        max(case when session_kind = 'agent' and place_of_kind = 1 then queue_seconds end) as queue_seconds,
        {{ dialpad.count_if('is_agent_transfer') }} as transfers,
        max(bot_seconds) as bot_seconds,
        sum(duration_seconds) as duration_seconds,
        sum(messages) as messages,
        sum(customer_messages) as customer_messages,
        sum(bot_messages) as bot_messages,
        sum(agent_messages) as agent_messages,
        max(case when score_place = 1 then csat_score end) as csat_score,
        max(case when has_session then 1 else 0 end) as has_session,
        max(case when has_messages then 1 else 0 end) as has_messages,
        max(source_relation) as source_relation,
        max(extracted_at) as extracted_at
    from placed
    group by customer_session_id
),

messages as (
    select
        sessions.customer_session_id,
        messages.created_at,
        messages.message_key,
        messages.sendertype,
        messages.sentiment,
        nullif(messages.topic, '') as topic,
        messages.score
    from {{ ref('stg_dialpad__messages') }} as messages
    inner join sessions on messages.sessionid = sessions.session_id
),

first_words as (
    select customer_session_id, min(created_at) as first_customer_message_at
    from messages
    where sendertype = 'customer'
    group by customer_session_id
),

first_answers as (
    select messages.customer_session_id, min(messages.created_at) as first_agent_message_at
    from messages
    inner join first_words on messages.customer_session_id = first_words.customer_session_id
    where messages.sendertype = 'agent' and messages.created_at >= first_words.first_customer_message_at
    group by messages.customer_session_id
),

sentiments as (
    select
        customer_session_id,
        sentiment,
        row_number() over (partition by customer_session_id order by created_at, message_key) as first_place,
        row_number() over (partition by customer_session_id order by created_at desc, message_key desc) as last_place
    from messages
    where sendertype = 'customer' and sentiment is not null
),

moods as (
    select
        customer_session_id,
        max(case when first_place = 1 then sentiment end) as sentiment_first,
        max(case when last_place = 1 then sentiment end) as sentiment_last
    from sentiments
    group by customer_session_id
),

topic_counts as (
    select customer_session_id, topic, count(*) as times, max(score) as score
    from messages
    where sendertype = 'customer' and topic is not null
    group by customer_session_id, topic
),

topics as (
    select
        customer_session_id,
        topic,
        row_number() over (partition by customer_session_id order by times desc, score desc, topic) as place
    from topic_counts
)

select
    visits.customer_session_id,
    visits.started_at,
    visits.ended_at,
    visits.started_date,
    visits.channel,
    visits.direction,
    visits.started_with_bot = 1 as started_with_bot,
    visits.reached_agent = 1 as has_reached_agent,
    visits.started_with_bot = 1 and visits.reached_agent = 0 as is_contained,
    visits.started_with_bot = 1 and visits.agent_sessions > 0 as is_handed_over,
    visits.has_survey = 1 as has_survey,
    case when visits.started_with_bot = 1 then {{ dialpad.elapsed_seconds('visits.started_at', 'visits.first_agent_session_at') }} end as handover_seconds,
    visits.queue_seconds,
    {{ dialpad.elapsed_seconds('first_words.first_customer_message_at', 'first_answers.first_agent_message_at') }} as first_response_seconds,
    visits.bot_seconds,
    visits.duration_seconds,
    visits.sessions,
    visits.agent_sessions,
    visits.agents,
    visits.first_agent_id,
    visits.first_agent_name,
    visits.line_id,
    visits.line_name,
    visits.transfers,
    visits.messages,
    visits.customer_messages,
    visits.bot_messages,
    visits.agent_messages,
    moods.sentiment_first,
    moods.sentiment_last,
    moods.sentiment_last - moods.sentiment_first as sentiment_change,
    topics.topic,
    visits.csat_score,
    visits.has_session = 1 as has_session,
    visits.has_messages = 1 as has_messages,
    visits.source_relation,
    visits.extracted_at
from visits
left join first_words on visits.customer_session_id = first_words.customer_session_id
left join first_answers on visits.customer_session_id = first_answers.customer_session_id
left join moods on visits.customer_session_id = moods.customer_session_id
left join topics on visits.customer_session_id = topics.customer_session_id and topics.place = 1
