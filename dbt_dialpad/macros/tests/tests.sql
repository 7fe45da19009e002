{%- test unique_key(model, columns) -%}
{#- The columns together are a key: none is null, and no two rows share them. -#}
select {{ columns | join(', ') }}, count(*) as times
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1 or {{ columns | join(' is null or ') }} is null
{%- endtest -%}


{%- test holds(model, expressions) -%}
{#- Each expression is true in every row; null counts as true. -#}
select *
from {{ model }}
where not ({{ expressions | join(')\n    or not (') }})
{%- endtest -%}


{%- test fractions(model, columns) -%}
{#- Each column is from 0 to 1, but for the last digits of a sum. -#}
select {{ columns | join(', ') }}
from {{ model }}
where {% for column in columns %}{{ 'or ' if not loop.first }}{{ column }} < -0.000001 or {{ column }} > 1.000001 {% endfor %}
{%- endtest -%}


{%- test no_overlap(model, partition, starts, ends) -%}
{#- No row ends after the next of its partition begins. -#}
select *
from (
    select {{ partition }}, {{ starts }}, {{ ends }},
        lead({{ starts }}) over (partition by {{ partition }} order by {{ starts }}, {{ ends }}) as next_starts
    from {{ model }}
) as followed
where {{ ends }} > next_starts
{%- endtest -%}
