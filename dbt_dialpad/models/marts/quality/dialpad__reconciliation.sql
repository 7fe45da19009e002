{#- Our figures beside Dialpad's own exports, for closed windows in our zone that our rows cover whole. -#}
{%- set calls_tolerance = var('dialpad_reconciliation_calls_tolerance', 2) -%}
{%- set counts = ['all_calls', 'inbound_calls', 'outbound_calls', 'answered', 'missed', 'abandoned', 'voicemails', 'cancelled', 'handled', 'outbound_connected', 'answered_transferred'] -%}
{%- set callbacks = ['callbacks_requested', 'callbacks_connected', 'callbacks_cancelled', 'callbacks_unconnected'] -%}
{%- set line_counts = counts + ['short_abandoned', 'service_level'] + callbacks -%}
{%- set times = {'asa_seconds': 0.6, 'aht_seconds': 0.6, 'talk_seconds': 9} -%}
{%- set exports = {'by_date': line_counts, 'by_user': counts, 'by_group': line_counts} -%}

with calls as (
    select
        *,
        category as leg_category,
        wait_seconds as speed_seconds,
        case when is_within_service_level and is_open_hours then 1 else 0 end as service_level
    from {{ ref('dialpad__calls') }}
),

legs as (
    select
        call_id, agent_id, started_date, direction, category as leg_category, is_connected, has_voicemail, is_transferred,
        talk_seconds, handle_seconds, source_relation
    from {{ ref('dialpad__call_legs') }}
    where agent_id is not null
),

covered as (
    select min(started_date) as first_date, max(started_date) as last_date from calls
),

{%- for export in exports %}
{%- set on_lines = export != 'by_user' %}
{%- set rows = 'calls' if on_lines else 'legs' %}

stats_{{ export }} as (
    select stats.*
    from {{ ref('stg_dialpad__stats_calls_' ~ export) }} as stats
    cross join covered
    where stats.timezone = {{ dialpad.account_zone() }}
        and stats.window_start >= covered.first_date
        and stats.window_end < covered.last_date
        {%- if export == 'by_date' %}
        and stats.scope = 'company'
        {%- elif export == 'by_user' %}
        and stats.scope = 'company' and stats.date is null
        {%- endif %}
),

ours_{{ export }} as (
    select
        stats.source_relation,
        stats.scope,
        stats.row_key,
        stats.window_start,
        count({{ rows }}.call_id) as all_calls,
        {{ dialpad.count_if(rows ~ ".direction = 'inbound'") }} as inbound_calls,
        {{ dialpad.count_if(rows ~ ".direction = 'outbound'") }} as outbound_calls,
        {{ dialpad.count_if(rows ~ ".direction = 'inbound' and " ~ rows ~ '.is_connected') }} as answered,
        {{ dialpad.count_if(rows ~ ".leg_category = 'missed'") }} as missed,
        {{ dialpad.count_if(rows ~ ".leg_category = 'abandoned'") }} as abandoned,
        {{ dialpad.count_if(rows ~ ".leg_category = 'cancelled'") }} as cancelled,
        {{ dialpad.count_if(rows ~ '.has_voicemail' if not on_lines else rows ~ ".outcome = 'voicemail'") }} as voicemails,
        {{ dialpad.count_if(rows ~ '.is_connected') }} as handled,
        {{ dialpad.count_if(rows ~ ".direction = 'outbound' and " ~ rows ~ '.is_connected') }} as outbound_connected,
        {{ dialpad.count_if(rows ~ ".direction = 'inbound' and " ~ rows ~ '.is_connected and ' ~ rows ~ '.is_transferred') }} as answered_transferred,
        {%- if on_lines %}
        {{ dialpad.count_if(rows ~ '.is_short_abandoned') }} as short_abandoned,
        sum(coalesce({{ rows }}.service_level, 0)) as service_level,
        {%- for name in callbacks %}
        {{ dialpad.count_if(rows ~ ".leg_category = '" ~ name | replace('callbacks', 'callback') ~ "'") }} as {{ name }},
        {%- endfor %}
        {{ dialpad.ratio('sum(case when ' ~ rows ~ ".outcome = 'answered' then " ~ rows ~ '.speed_seconds else 0 end)', dialpad.count_if(rows ~ ".outcome = 'answered'")) }} as asa_seconds,
        {%- else %}
        {{ dialpad.typed_null('number') }} as asa_seconds,
        {%- endif %}
        {{ dialpad.ratio('sum(case when ' ~ rows ~ '.is_connected then ' ~ rows ~ '.handle_seconds else 0 end)', dialpad.count_if(rows ~ '.is_connected')) }} as aht_seconds,
        sum(case when {{ rows }}.is_connected then coalesce({{ rows }}.talk_seconds, 0) else 0 end) as talk_seconds
    from stats_{{ export }} as stats
    {%- if export == 'by_group' %}
    inner join {{ ref('dialpad__lines') }} as lines
        on stats.type = lines.line_kind and stats.name = lines.line_name and stats.scope = 'office:' || lines.office_id
    {%- endif %}
    left join {{ rows }}
        on {{ rows }}.started_date >= stats.window_start
        and {{ rows }}.started_date <= stats.window_end
        and {{ rows }}.source_relation = stats.source_relation
        {%- if export == 'by_user' %}
        and legs.agent_id = stats.user_id
        {%- elif export == 'by_group' %}
        and calls.line_id = lines.line_id
        {%- endif %}
    group by stats.source_relation, stats.scope, stats.row_key, stats.window_start
),
{%- endfor %}

duty as (
    {%- set other = dialpad.named_cells('onduty') %}
    select
        stats.source_relation,
        stats.scope,
        stats.row_key,
        stats.window_start,
        stats.window_end,
        {{ other.user_id }} as agent_id,
        {%- for status in ['on_duty', 'available', 'occupied', 'wrapup', 'busy'] %}
        {{ dialpad.try_number(other[status]) }} * 60 as {{ status }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('stg_dialpad__stats_onduty') }} as stats
    cross join (
        select min(started_date) as first_date, max(started_date) as last_date
        from {{ ref('dialpad__agent_status_intervals') }}
        where not is_from_event
    ) as covered_duty
    where stats.timezone = {{ dialpad.account_zone() }}
        and stats.scope = 'company'
        and stats.window_start >= covered_duty.first_date
        and stats.window_end < covered_duty.last_date
),

duty_ours as (
    select
        duty.source_relation,
        duty.scope,
        duty.row_key,
        duty.window_start,
        sum(case when intervals.is_on_duty then intervals.seconds else 0 end) as on_duty,
        {%- for status in ['available', 'occupied', 'wrapup', 'busy'] %}
        sum(case when intervals.status = '{{ status }}' then intervals.seconds else 0 end) as {{ status }}{{ ',' if not loop.last }}
        {%- endfor %}
    from duty
    left join {{ ref('dialpad__agent_status_intervals') }} as intervals
        on duty.agent_id = intervals.agent_id
        and intervals.started_date >= duty.window_start
        and intervals.started_date <= duty.window_end
    group by duty.source_relation, duty.scope, duty.row_key, duty.window_start
),

targets as (
    {%- set texts = dialpad.named_cells('texts') %}
    {%- set voicemails = dialpad.named_cells('voicemails') %}
    select 'stats_texts' as export, source_relation, scope, row_key, window_start, window_end, timezone, {{ texts.target_id }} as target_id,
        {{ dialpad.try_number(texts.sent) }} as sent, {{ dialpad.try_number(texts.received) }} as received, {{ dialpad.try_number(texts.internal) }} as internal,
        cast(null as {{ dialpad.type_double() }}) as voicemails
    from {{ ref('stg_dialpad__stats_texts') }}
    union all
    select 'stats_voicemails', source_relation, scope, row_key, window_start, window_end, timezone, {{ voicemails.target_id }},
        null, null, null, {{ dialpad.try_number(voicemails.total) }}
    from {{ ref('stg_dialpad__stats_voicemails') }}
),

target_rows as (
    select 'stats_texts' as export, target_id, occurred_date as date, direction from {{ ref('int_dialpad__text_rows') }}
    union all
    select 'stats_voicemails', target_id, left_date, 'voicemail' from {{ ref('dialpad__voicemails') }}
),

target_cover as (
    select export, min(date) as first_date, max(date) as last_date from target_rows group by export
),

target_ours as (
    select
        targets.export,
        targets.source_relation,
        targets.scope,
        targets.row_key,
        targets.window_start,
        max(targets.window_end) as window_end,
        max(targets.target_id) as target_id,
        {%- for name, direction in {'sent': 'outbound', 'received': 'inbound', 'internal': 'internal', 'voicemails': 'voicemail'}.items() %}
        max(targets.{{ name }}) as {{ name }},
        {{ dialpad.count_if("target_rows.direction = '" ~ direction ~ "'") }} as {{ name }}_ours{{ ',' if not loop.last }}
        {%- endfor %}
    from targets
    inner join target_cover
        on targets.export = target_cover.export
        and targets.window_start >= target_cover.first_date
        and targets.window_end < target_cover.last_date
    left join target_rows
        on targets.export = target_rows.export
        and targets.target_id = target_rows.target_id
        and target_rows.date >= targets.window_start
        and target_rows.date <= targets.window_end
    where targets.timezone = {{ dialpad.account_zone() }} and targets.scope = 'company'
    group by targets.export, targets.source_relation, targets.scope, targets.row_key, targets.window_start
),

{%- set metrics = {'closed_conversations': 'closed_conversations', 'created_conversations': 'created_conversations', 'csat_responses': 'ratings', 'conversation_assignments': 'conversation_assignments'} %}

conversations as (
    {%- for metric, records in metrics.items() %}
    {{ 'union all' if not loop.first }}
    select '{{ metric }}' as metric_id, occurred_at, source_relation from {{ ref('dialpad__analytics_' ~ records) }}
    {%- endfor %}
),

conversation_windows as (
    select
        metrics.metric_id,
        metrics.source_relation,
        metrics.window_start_at,
        metrics.window_start_date,
        max(metrics.window_end_at) as window_end_at,
        max(metrics.value) as dialpads,
        count(conversations.occurred_at) as ours
    from {{ ref('dialpad__analytics_metrics') }} as metrics
    cross join (select min(occurred_at) as first_at, max(occurred_at) as last_at from conversations) as covered_conversations
    left join conversations
        on metrics.metric_id = conversations.metric_id
        and conversations.occurred_at >= metrics.window_start_at
        and conversations.occurred_at < metrics.window_end_at
    where metrics.metric_id in ('{{ metrics.keys() | join("', '") }}')
        and metrics.measure = 'Count'
        and metrics.breakdown_attribute is null
        and not metrics.is_filtered
        and metrics.window_start_at >= {{ dialpad.seconds_before('covered_conversations.first_at', 86400) }}
        and metrics.window_end_at <= covered_conversations.last_at
    group by metrics.metric_id, metrics.source_relation, metrics.window_start_at, metrics.window_start_date
),

compared as (
    {%- for export, names in exports.items() %}
    {%- for name in names + (times | list if export != 'by_user' else ['talk_seconds']) %}
    {%- set theirs = 'stats.' ~ name %}
    select
        'stats_calls_{{ export }}' as export,
        '{{ name }}' as measure,
        stats.scope,
        {{ {'by_date': dialpad.typed_null('text'), 'by_user': 'stats.user_id', 'by_group': 'stats.row_key'}[export] }} as subject,
        {{ dialpad.typed_null('text') if export == 'by_date' else 'stats.name' }} as subject_name,
        stats.window_start,
        stats.window_end,
        cast(ours.{{ name }} as {{ dialpad.type_double() }}) as ours,
        cast({{ theirs }} as {{ dialpad.type_double() }}) as dialpads,
        cast({{ times.get(name, calls_tolerance) }} as {{ dialpad.type_double() }}) as tolerance,
        stats.source_relation
    from stats_{{ export }} as stats
    inner join ours_{{ export }} as ours
        on stats.source_relation = ours.source_relation and stats.scope = ours.scope
        and stats.row_key = ours.row_key and stats.window_start = ours.window_start
    union all
    {%- endfor %}
    {%- endfor %}
    {%- for status in ['on_duty', 'available', 'occupied', 'wrapup', 'busy'] %}
    select
        'stats_onduty', '{{ status }}_seconds', duty.scope, duty.agent_id, {{ dialpad.typed_null('text') }},
        duty.window_start, duty.window_end,
        cast(duty_ours.{{ status }} as {{ dialpad.type_double() }}), duty.{{ status }}, cast(3 as {{ dialpad.type_double() }}), duty.source_relation
    from duty
    inner join duty_ours
        on duty.source_relation = duty_ours.source_relation and duty.scope = duty_ours.scope
        and duty.row_key = duty_ours.row_key and duty.window_start = duty_ours.window_start
    union all
    {%- endfor %}
    {%- for name in ['sent', 'received', 'internal', 'voicemails'] %}
    select
        export, '{{ name }}', scope, target_id, {{ dialpad.typed_null('text') }}, window_start, window_end,
        cast({{ name }}_ours as {{ dialpad.type_double() }}), {{ name }}, cast({{ calls_tolerance }} as {{ dialpad.type_double() }}), source_relation
    from target_ours
    union all
    {%- endfor %}
    select
        'analytics_metric_data', metric_id, {{ dialpad.typed_null('text') }}, {{ dialpad.typed_null('text') }}, {{ dialpad.typed_null('text') }},
        window_start_date, {{ dialpad.days_after(dialpad.local_date('window_end_at'), -1) }},
        cast(ours as {{ dialpad.type_double() }}), dialpads, cast({{ calls_tolerance }} as {{ dialpad.type_double() }}), source_relation
    from conversation_windows
)

select
    {{ dialpad.derived_key(['export', 'measure', 'scope', 'subject', 'window_start', 'window_end', 'source_relation']) }} as reconciliation_key,
    compared.*,
    ours - dialpads as difference,
    abs(ours - dialpads) <= tolerance + 0.000001 as is_within
from compared
where dialpads is not null and ours is not null
