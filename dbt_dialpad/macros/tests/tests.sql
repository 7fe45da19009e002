{%- test unique_key(model, columns) -%}
{#- The columns together are a key: no two rows share them. -#}
select {{ columns | join(', ') }}, count(*) as times
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{%- endtest -%}


{%- test holds(model, expression, where_rows=none) -%}
{#- The expression is true in every row; null counts as true. -#}
select *
from {{ model }}
where not ({{ expression }}) {{ "and (" ~ where_rows ~ ")" if where_rows }}
{%- endtest -%}


{%- test between(model, column_name, least=none, most=none) -%}
select *
from {{ model }}
where {{ column_name }} < {{ least if least is not none else column_name }} - 0.000001
    or {{ column_name }} > {{ most if most is not none else column_name }} + 0.000001
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
