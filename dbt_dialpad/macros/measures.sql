{%- macro call_counts(calls='') -%}
{#- The additive measures of calls at a line: counts and sums over rows of dialpad__calls. -#}
{%- set c = calls ~ '.' if calls else '' -%}
count(*) as calls,
{{ dialpad.count_if(c ~ 'is_offered') }} as offered,
{{ dialpad.count_if(c ~ 'is_offered and ' ~ c ~ "outcome = 'answered'") }} as answered,
{{ dialpad.count_if(c ~ 'is_offered and ' ~ c ~ "outcome = 'abandoned'") }} as abandoned,
{{ dialpad.count_if(c ~ 'is_offered and ' ~ c ~ 'is_short_abandoned') }} as short_abandoned,
{{ dialpad.count_if(c ~ 'is_offered and ' ~ c ~ "outcome in ('missed', 'voicemail')") }} as missed,
{{ dialpad.count_if(c ~ 'is_offered and ' ~ c ~ "outcome = 'voicemail'") }} as voicemail,
{{ dialpad.count_if(c ~ 'is_offered and ' ~ c ~ "outcome not in ('answered', 'abandoned', 'missed', 'voicemail')") }} as other_offered,
{{ dialpad.count_if(c ~ 'is_offered and ' ~ c ~ 'is_open_hours') }} as offered_open,
{{ dialpad.count_if(c ~ 'is_offered and ' ~ c ~ 'is_within_service_level') }} as within_service_level,
{{ dialpad.count_if(c ~ 'is_offered and ' ~ c ~ 'is_within_service_level and ' ~ c ~ 'is_open_hours') }} as within_service_level_open,
{{ dialpad.count_if(c ~ 'is_offered and ' ~ c ~ "outcome = 'answered' and " ~ c ~ 'is_transferred') }} as answered_transferred,
{{ dialpad.count_if(c ~ 'is_offered and ' ~ c ~ "outcome = 'answered' and " ~ c ~ 'is_repeat_free is not null') }} as repeat_judged,
{{ dialpad.count_if(c ~ 'is_offered and ' ~ c ~ "outcome = 'answered' and " ~ c ~ 'is_repeat_free') }} as repeat_free,
{{ dialpad.count_if(c ~ 'is_offered and ' ~ c ~ "outcome = 'answered' and " ~ c ~ 'is_repeat_free_any_line') }} as repeat_free_any_line,
{{ dialpad.count_if(c ~ "direction = 'outbound'") }} as outbound,
{{ dialpad.count_if(c ~ "direction = 'outbound' and " ~ c ~ 'is_connected') }} as outbound_connected,
{{ dialpad.count_if(c ~ 'is_connected') }} as connected,
{%- for outcome in ['requested', 'connected', 'cancelled', 'unconnected'] %}
{{ dialpad.count_if(c ~ "outcome = 'callback_" ~ outcome ~ "'") }} as callbacks_{{ outcome }},
{%- endfor %}
{{ dialpad.count_if(c ~ 'csat_score is not null') }} as csat_calls,
{{ dialpad.count_if(c ~ 'csat_score in (' ~ var('dialpad_csat_satisfied') | join(', ') ~ ')') }} as csat_satisfied,
sum({{ c }}csat_score) as csat_score_sum,
sum(case when {{ c }}is_offered and {{ c }}outcome = 'answered' then {{ c }}wait_seconds else 0 end) as answered_wait_seconds,
sum(case when {{ c }}is_offered then {{ c }}wait_seconds else 0 end) as wait_seconds,
max(case when {{ c }}is_offered then {{ c }}wait_seconds end) as longest_wait_seconds,
sum(coalesce({{ c }}talk_seconds, 0)) as talk_seconds,
sum(coalesce({{ c }}hold_seconds, 0)) as hold_seconds,
sum(coalesce({{ c }}wrap_seconds, 0)) as wrap_seconds,
sum(coalesce({{ c }}handle_seconds, 0)) as handle_seconds
{%- endmacro -%}


{%- macro counted() -%}
{#- Names of the columns of call_counts, in order. -#}
{{ return([
    'calls', 'offered', 'answered', 'abandoned', 'short_abandoned', 'missed', 'voicemail', 'other_offered', 'offered_open',
    'within_service_level', 'within_service_level_open', 'answered_transferred', 'repeat_judged', 'repeat_free',
    'repeat_free_any_line', 'outbound', 'outbound_connected', 'connected', 'callbacks_requested', 'callbacks_connected',
    'callbacks_cancelled', 'callbacks_unconnected', 'csat_calls', 'csat_satisfied', 'csat_score_sum', 'answered_wait_seconds',
    'wait_seconds', 'longest_wait_seconds', 'talk_seconds', 'hold_seconds', 'wrap_seconds', 'handle_seconds',
]) }}
{%- endmacro -%}


{%- macro call_ratios() -%}
{#- The ratios of columns that call_counts gives: never averaged, null where there is nothing to divide by. -#}
{%- set formula = {
    'offered': ('within_service_level', 'offered - short_abandoned'),
    'answered': ('within_service_level', 'answered'),
    'answered_abandoned': ('within_service_level', 'answered + abandoned - short_abandoned'),
    'dialpad': ('within_service_level_open', 'offered - short_abandoned - missed'),
} -%}
{%- set chosen = formula[var('dialpad_service_level_denominator')] -%}
{{ dialpad.ratio(chosen[0], chosen[1]) }} as service_level,
{{ dialpad.ratio(formula.answered[0], formula.answered[1]) }} as service_level_of_answered,
{{ dialpad.ratio(formula.answered_abandoned[0], formula.answered_abandoned[1]) }} as service_level_of_answered_and_abandoned,
{{ dialpad.ratio(formula.dialpad[0], formula.dialpad[1]) }} as service_level_dialpad,
{{ dialpad.ratio('answered_wait_seconds', 'answered') }} as average_speed_of_answer_seconds,
{{ dialpad.ratio('handle_seconds', 'connected') }} as average_handle_seconds,
{{ dialpad.ratio('abandoned - short_abandoned', 'offered - short_abandoned') }} as abandonment_rate,
{{ dialpad.ratio('abandoned', 'offered') }} as abandonment_rate_raw,
{{ dialpad.ratio('short_abandoned', 'offered') }} as short_abandoned_share,
{{ dialpad.ratio('answered', 'offered') }} as answer_rate,
{{ dialpad.ratio('answered_transferred', 'answered') }} as transfer_rate,
{{ dialpad.ratio('repeat_free', 'repeat_judged') }} as repeat_free_rate_{{ var('dialpad_repeat_days') }}d,
{{ dialpad.ratio('repeat_free_any_line', 'repeat_judged') }} as repeat_free_rate_{{ var('dialpad_repeat_days') }}d_any_line,
{{ dialpad.ratio('callbacks_connected', 'callbacks_requested') }} as callback_completion_rate,
{{ dialpad.ratio('csat_satisfied', 'csat_calls') }} as csat_rate,
{{ dialpad.ratio('csat_calls', 'answered') }} as csat_answers_per_answered_call
{%- endmacro -%}
