{#- Everybody who is or was in a call, on duty or in the user list: those who left stay. -#}

with users as (
    select * from {{ ref('stg_dialpad__users') }}
),

seen as (
    select agent_id, target_name as name, office_id, source_relation
    from {{ ref('dialpad__call_legs') }}
    where agent_id is not null
    union all
    select target_id, name, null, source_relation
    from {{ ref('stg_dialpad__records_onduty') }}
    where target_id is not null
),

unlisted as (
    select agent_id, max(name) as name, max(office_id) as office_id, max(source_relation) as source_relation
    from seen
    group by agent_id
)

select
    coalesce(users.user_id, unlisted.agent_id) as agent_id,
    coalesce(users.display_name, nullif(trim(coalesce(users.first_name, '') || ' ' || coalesce(users.last_name, '')), ''), unlisted.name) as agent_name,
    {{ dialpad.json_element('users.emails', 0) }} as email,
    coalesce(users.office_id, unlisted.office_id) as office_id,
    offices.name as office_name,
    coalesce(users.timezone, offices.timezone, {{ dialpad.account_zone() }}) as timezone,
    users.country,
    users.job_title,
    users.license,
    users.state,
    coalesce(users.state = 'active', false) as is_active,
    coalesce(users.is_admin, false) as is_admin,
    users.added_at,
    users.user_id is not null as is_in_directory,
    coalesce(users.source_relation, unlisted.source_relation) as source_relation
from users
full join unlisted on users.user_id = unlisted.agent_id
left join {{ ref('stg_dialpad__offices') }} as offices on coalesce(users.office_id, unlisted.office_id) = offices.office_id
