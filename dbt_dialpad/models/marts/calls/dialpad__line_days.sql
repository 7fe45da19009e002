with counts as (
    select
        line_id,
        line_started_date as date,
        {{ dialpad.call_counts() | indent(8) }},
        {{ dialpad.percentile("case when is_offered and outcome = 'answered' then wait_seconds end", 0.5) }} as answered_wait_seconds_p50,
        {{ dialpad.percentile("case when is_offered and outcome = 'answered' then wait_seconds end", 0.9) }} as answered_wait_seconds_p90
    from {{ ref('dialpad__calls') }}
    where line_id is not null
    group by line_id, line_started_date
),

voicemails as (
    select
        voicemails.line_id,
        {{ dialpad.local_date('voicemails.left_at', 'lines.timezone') }} as date,
        count(*) as voicemails,
        {{ dialpad.count_if('voicemails.is_listened') }} as voicemails_listened
    from {{ ref('dialpad__voicemails') }} as voicemails
    inner join {{ ref('dialpad__lines') }} as lines on voicemails.line_id = lines.line_id
    group by 1, 2
),

texts as (
    select
        texts.line_id,
        {{ dialpad.local_date('texts.occurred_at', 'lines.timezone') }} as date,
        {{ dialpad.count_if("texts.direction = 'outbound'") }} as texts_sent,
        {{ dialpad.count_if("texts.direction = 'inbound'") }} as texts_received
    from {{ ref('int_dialpad__text_rows') }} as texts
    inner join {{ ref('dialpad__lines') }} as lines on texts.line_id = lines.line_id
    group by 1, 2
),

keys as (
    select line_id, date from counts
    {{ dialpad.union_distinct() }}
    select line_id, date from voicemails
    {{ dialpad.union_distinct() }}
    select line_id, date from texts
),

filled as (
    select
        keys.line_id,
        keys.date,
        {%- for name in dialpad.counted() if name != 'longest_wait_seconds' and name != 'csat_score_sum' %}
        coalesce(counts.{{ name }}, 0) as {{ name }},
        {%- endfor %}
        counts.csat_score_sum,
        counts.longest_wait_seconds,
        counts.answered_wait_seconds_p50,
        counts.answered_wait_seconds_p90,
        coalesce(voicemails.voicemails, 0) as voicemails,
        coalesce(voicemails.voicemails_listened, 0) as voicemails_listened,
        coalesce(texts.texts_sent, 0) as texts_sent,
        coalesce(texts.texts_received, 0) as texts_received
    from keys
    left join counts on keys.line_id = counts.line_id and keys.date = counts.date
    left join voicemails on keys.line_id = voicemails.line_id and keys.date = voicemails.date
    left join texts on keys.line_id = texts.line_id and keys.date = texts.date
)

select
    {{ dialpad.derived_key(['filled.line_id', 'filled.date']) }} as line_day_key,
    filled.*,
    lines.line_name,
    lines.line_kind,
    lines.office_name,
    lines.timezone as line_timezone,
    lines.service_level_seconds,
    lines.service_level_target,
    {{ dialpad.call_ratios() | indent(4) }},
    lines.source_relation
from filled
left join {{ ref('dialpad__lines') }} as lines on filled.line_id = lines.line_id
