{#- A line is whatever calls can be sent to but a person: those of the lists, and those that only calls know. -#}
{%- set days = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] -%}
{%- set lists = [('call_centers', 'call_center'), ('departments', 'department'), ('offices', 'office')] -%}

with listed as (
    {%- for list, kind in lists %}
    {{ 'union all' if not loop.first }}
    select
        {{ kind }}_id as line_id,
        '{{ kind }}' as line_kind,
        name as line_name,
        office_id,
        timezone,
        country,
        state,
        {{ 'alerts_cc_service_level_seconds' if kind == 'call_center' else 'cast(null as ' ~ dbt.type_bigint() ~ ')' }} as service_level_seconds,
        {{ 'alerts_cc_service_level' if kind == 'call_center' else 'cast(null as ' ~ dbt.type_bigint() ~ ')' }} as service_level_percent,
        {%- for day in days %}
        {{ dialpad.json_element(day ~ '_hours', 0) }} as {{ day }}_opens,
        {{ dialpad.json_element(day ~ '_hours', 1) }} as {{ day }}_closes,
        {%- endfor %}
        source_relation
    from {{ ref('stg_dialpad__' ~ list) }}
    {%- endfor %}
),

called as (
    select
        target_id as line_id,
        max(target_kind) as line_kind,
        max(target_name) as line_name,
        max(office_id) as office_id,
        max(source_relation) as source_relation
    from {{ ref('dialpad__call_legs') }}
    where is_entry_leg and target_id is not null and target_kind <> 'user'
    group by target_id
)

select
    coalesce(listed.line_id, called.line_id) as line_id,
    coalesce(listed.line_kind, called.line_kind) as line_kind,
    coalesce(listed.line_name, called.line_name) as line_name,
    coalesce(listed.office_id, called.office_id) as office_id,
    offices.name as office_name,
    coalesce(listed.timezone, offices.timezone, {{ dialpad.account_zone() }}) as timezone,
    listed.country,
    listed.state,
    listed.line_id is not null as is_in_directory,
    coalesce(
        {%- if var('dialpad_service_level_seconds') is not none %} {{ var('dialpad_service_level_seconds') }},{% endif %}
        listed.service_level_seconds, 60
    ) as service_level_seconds,
    {{ dialpad.ratio('listed.service_level_percent', 100) }} as service_level_target,
    {%- for day in days %}
    listed.{{ day }}_opens,
    listed.{{ day }}_closes,
    {%- endfor %}
    coalesce(listed.source_relation, called.source_relation) as source_relation
from listed
full join called on listed.line_id = called.line_id
left join {{ ref('stg_dialpad__offices') }} as offices
    on coalesce(listed.office_id, called.office_id) = offices.office_id
