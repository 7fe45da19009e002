{%- set presence = var('dialpad_analytics_presence_statuses', ['Available', 'Away', 'AfterWork', 'Offline', 'Working']) %}

with metrics as (
    select * from {{ ref('dialpad__analytics_metrics') }}
)

select
    {{ dialpad.derived_key(['window_start_at', 'grain', 'timezone', 'breakdown_attribute', 'breakdown_value', 'is_filtered']) }} as window_key,
    window_start_at,
    max(window_end_at) as window_end_at,
    max(window_start_date) as window_start_date,
    grain,
    timezone,
    breakdown_attribute,
    breakdown_value,
    is_filtered,
    {%- for pair in dialpad.analytics_pairs() %}
    {%- set metric, measure = pair.rsplit('__', 1) %}
    max(case when metric_id = '{{ metric }}' and lower(measure) = '{{ measure }}' then value end) as {{ pair }},
    {%- endfor %}
    {%- for status in presence %}
    max(case when presence_status = '{{ status }}' then value end) as presence__{{ status | lower }},
    {%- endfor %}
    max(source_relation) as source_relation
from metrics
group by window_start_at, grain, timezone, breakdown_attribute, breakdown_value, is_filtered
