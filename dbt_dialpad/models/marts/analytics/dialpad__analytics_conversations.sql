{#- One conversation of the analytics, from the records that name it. -#}

with created as (
    select conversation_id, min(occurred_at) as created_at, max(channel) as channel, max(channel_name) as channel_name,
        max(direction) as direction, max(source_relation) as source_relation
    from {{ ref('dialpad__analytics_created_conversations') }}
    where conversation_id is not null
    group by conversation_id
),

closed as (
    select conversation_id, max(occurred_at) as closed_at, max(queue_id) as queue_id, max(queue_name) as queue_name,
        max(agent_id) as agent_id, max(agent_name) as agent_name, max(channel) as channel, max(channel_name) as channel_name,
        max(direction) as direction, max(case when is_reopened then 1 else 0 end) as is_reopened, max(messages) as messages,
        sum(handling_seconds) as handling_seconds, max(source_relation) as source_relation
    from {{ ref('dialpad__analytics_closed_conversations') }}
    where conversation_id is not null
    group by conversation_id
),

responded as (
    select conversation_id, min(occurred_at) as first_response_at, min(value) as first_response_seconds
    from {{ ref('dialpad__analytics_first_response_times') }}
    where conversation_id is not null
    group by conversation_id
),

assigned as (
    select conversation_id, count(*) as assignments, count(distinct agent_id) as agents
    from {{ ref('dialpad__analytics_conversation_assignments') }}
    where conversation_id is not null
    group by conversation_id
),

rated as (
    select
        conversation_id,
        value as rating,
        row_number() over (partition by conversation_id order by occurred_at desc, record_key desc) as place
    from {{ ref('dialpad__analytics_ratings') }}
    where conversation_id is not null
),

ids as (
    select conversation_id from created
    {{ dialpad.union_distinct() }} select conversation_id from closed
    {{ dialpad.union_distinct() }} select conversation_id from responded
    {{ dialpad.union_distinct() }} select conversation_id from assigned
    {{ dialpad.union_distinct() }} select conversation_id from rated
)

select
    ids.conversation_id,
    created.created_at,
    {{ dialpad.local_date('created.created_at') }} as created_date,
    closed.closed_at,
    {{ dialpad.local_date('closed.closed_at') }} as closed_date,
    closed.closed_at is not null as is_closed,
    coalesce(closed.is_reopened, 0) = 1 as is_reopened,
    coalesce(closed.channel, created.channel) as channel,
    coalesce(closed.channel_name, created.channel_name) as channel_name,
    coalesce(closed.direction, created.direction) as direction,
    closed.queue_id,
    closed.queue_name,
    closed.agent_id,
    closed.agent_name,
    closed.messages,
    closed.handling_seconds,
    responded.first_response_at,
    responded.first_response_seconds,
    coalesce(assigned.assignments, 0) as assignments,
    coalesce(assigned.agents, 0) as agents,
    rated.rating,
    coalesce(created.source_relation, closed.source_relation, '') as source_relation
from ids
left join created on ids.conversation_id = created.conversation_id
left join closed on ids.conversation_id = closed.conversation_id
left join responded on ids.conversation_id = responded.conversation_id
left join assigned on ids.conversation_id = assigned.conversation_id
left join rated on ids.conversation_id = rated.conversation_id and rated.place = 1
