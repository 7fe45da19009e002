{#- One grading of one call by one person. No header of the export is documented: see named_cells. -#}
{%- set other = dialpad.named_cells('scorecard_grades') -%}

with grades as (
    select
        record_key,
        {{ other.call_id }} as call_id,
        {{ other.scorecard }} as scorecard_name,
        {{ other.agent_id }} as agent_id_given,
        {{ other.grader }} as grader_name,
        {{ dialpad.try_instant(other.graded_at) }} as graded_at_printed,
        {{ dialpad.try_number(other.points) }} as points,
        {{ dialpad.try_number(other.most_points) }} as points_possible,
        timezone,
        window_start,
        source_relation
    from {{ ref('stg_dialpad__scorecard_grades') }}
)

select
    grades.record_key,
    grades.call_id,
    coalesce(grades.agent_id_given, legs.agent_id) as agent_id,
    coalesce(legs.entry_target_id, legs.line_id) as line_id,
    grades.scorecard_name,
    grades.grader_name,
    grades.graded_at_printed,
    coalesce(cast(grades.graded_at_printed as date), grades.window_start) as graded_date,
    grades.points,
    grades.points_possible,
    {{ dialpad.ratio('grades.points', 'grades.points_possible') }} as score,
    legs.call_id is not null as has_call,
    grades.source_relation
from grades
left join {{ ref('dialpad__call_legs') }} as legs on grades.call_id = legs.call_id
