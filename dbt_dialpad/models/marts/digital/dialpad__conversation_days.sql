with counts as (
    select
        started_date as date,
        channel,
        count(*) as conversations,
        {{ dialpad.count_if('started_with_bot') }} as started_with_bot,
        {{ dialpad.count_if('is_contained') }} as contained,
        {{ dialpad.count_if('is_handed_over') }} as handed_over,
        {{ dialpad.count_if('has_reached_agent') }} as reached_agent,
        {{ dialpad.count_if('first_response_seconds is not null') }} as first_responses,
        sum(first_response_seconds) as first_response_seconds,
        {{ dialpad.count_if('handover_seconds is not null') }} as handovers_timed,
        sum(handover_seconds) as handover_seconds,
        sum(coalesce(bot_seconds, 0)) as bot_seconds,
        sum(coalesce(queue_seconds, 0)) as queue_seconds,
        sum(coalesce(duration_seconds, 0)) as duration_seconds,
        sum(sessions) as sessions,
        sum(transfers) as transfers,
        sum(messages) as messages,
        sum(agent_messages) as agent_messages,
        {{ dialpad.count_if('sentiment_change > 0') }} as sentiment_up,
        {{ dialpad.count_if('sentiment_change = 0') }} as sentiment_same,
        {{ dialpad.count_if('sentiment_change < 0') }} as sentiment_down,
        {{ dialpad.count_if('csat_score is not null') }} as csat_conversations,
        {{ dialpad.count_if('csat_score in (' ~ var('dialpad_csat_satisfied') | join(', ') ~ ')') }} as csat_satisfied,
        sum(csat_score) as csat_score_sum,
        max(source_relation) as source_relation
    from {{ ref('dialpad__conversations') }}
    group by started_date, channel
)

select
    {{ dialpad.derived_key(['date', 'channel']) }} as conversation_day_key,
    counts.*,
    {{ dialpad.ratio('contained', 'started_with_bot') }} as containment_rate,
    {{ dialpad.ratio('first_response_seconds', 'first_responses') }} as average_first_response_seconds,
    {{ dialpad.ratio('handover_seconds', 'handovers_timed') }} as average_handover_seconds,
    {{ dialpad.ratio('csat_satisfied', 'csat_conversations') }} as csat_rate
from counts
