select
    row_key,
    metric_id,
    measure,
    window_start_at,
    window_end_at,
    {{ dialpad.local_date('window_start_at', 'timezone') }} as window_start_date,
    timezone,
    grain,
    breakdown_attribute,
    breakdown_value,
    filters is not null as is_filtered,
    presence_status,
    value,
    coalesce(
        measure in ('Count', 'Sum') and not (measure = 'Count' and substring(metric_id, greatest(length(metric_id) - 9, 1)) = '_per_agent'),
        false
    ) as is_additive,
    source_relation
from {{ ref('stg_dialpad__analytics_metric_data') }}
