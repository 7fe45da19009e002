{{ config(materialized='view') }}
{#- Calls with what their line says: its name, clock and service level. -#}

select
    entries.*,
    lines.line_name,
    lines.line_kind,
    coalesce(lines.timezone, {{ dialpad.account_zone() }}) as line_timezone,
    {{ dialpad.local_date('entries.started_at', 'coalesce(lines.timezone, ' ~ dialpad.account_zone() ~ ')') }} as line_started_date,
    coalesce(lines.service_level_seconds, {{ var('dialpad_service_level_seconds') or 60 }}) as service_level_seconds,
    lines.service_level_target
from {{ ref('int_dialpad__call_entries') }} as entries
left join {{ ref('dialpad__lines') }} as lines on entries.line_id = lines.line_id
