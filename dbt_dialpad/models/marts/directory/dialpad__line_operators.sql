with operators as (
    {%- for list, kind in [('call_center_operators', 'call_center'), ('department_operators', 'department'), ('office_operators', 'office')] %}
    {{ 'union all' if not loop.first }}
    select
        {{ kind }}_id as line_id,
        '{{ kind }}' as line_kind,
        operator_id,
        operator_type,
        coalesce(display_name, nullif(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), ''), name) as operator_name,
        state,
        source_relation
    from {{ ref('stg_dialpad__' ~ list) }}
    {%- endfor %}
)

select
    {{ dialpad.derived_key(['operators.line_kind', 'operators.line_id', 'operators.operator_id']) }} as line_operator_key,
    operators.line_id,
    operators.line_kind,
    lines.line_name,
    operators.operator_id,
    case when coalesce(operators.operator_type, 'user') = 'user' then operators.operator_id end as agent_id,
    operators.operator_type,
    operators.operator_name,
    operators.state,
    operators.source_relation
from operators
left join {{ ref('dialpad__lines') }} as lines on operators.line_id = lines.line_id and operators.line_kind = lines.line_kind
