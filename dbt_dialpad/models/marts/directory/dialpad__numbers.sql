select
    numbers.number,
    numbers.area_code,
    numbers.type as number_type,
    numbers.status,
    numbers.is_deleted,
    numbers.office_id,
    numbers.target_id,
    {{ dialpad.kind_name('numbers.target_type') }} as target_kind,
    coalesce(lines.line_name, agents.agent_name) as target_name,
    lines.line_id,
    agents.agent_id,
    numbers.source_relation
from {{ ref('stg_dialpad__numbers') }} as numbers
left join {{ ref('dialpad__lines') }} as lines
    on numbers.target_id = lines.line_id and {{ dialpad.kind_name('numbers.target_type') }} = lines.line_kind
left join {{ ref('dialpad__agents') }} as agents on numbers.target_id = agents.agent_id
