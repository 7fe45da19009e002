{%- macro derived_key(parts) -%}
{#- A key for a row that has none: a hash of its parts, with a word for null and a separator that can't occur. -#}
{%- set texts = [] -%}
{%- for part in parts -%}
    {%- do texts.append("coalesce(cast(" ~ part ~ " as " ~ dbt.type_string() ~ "), '(null)')") -%}
{%- endfor -%}
{{ dbt.hash(texts | join(" || '|~|' || ")) }}
{%- endmacro -%}


{%- macro external_number(expression) -%}
{#- A phone number of somebody outside, as dialpad_external_numbers says. -#}
{%- set wish = var('dialpad_external_numbers', 'keep') -%}
{%- if wish == 'keep' -%} {{ expression }}
{%- elif wish == 'hash' -%} {{ dbt.hash(expression) }}
{%- elif wish == 'drop' -%} cast(null as {{ dbt.type_string() }})
{%- else -%} {{ exceptions.raise_compiler_error("dialpad_external_numbers is " ~ wish ~ ": it may be keep, hash or drop.") }}
{%- endif -%}
{%- endmacro -%}


{%- macro incremental_strategy() -%}
{{ return('merge' if target.type in ('bigquery', 'databricks', 'spark') else 'delete+insert') }}
{%- endmacro -%}


{%- macro changed_since(relation) -%}
{#- The reading from which on rows count as new: dialpad_lookback_days before the newest that the model holds. Of a
model that was built before there were rows, all are new. -#}
(
    select coalesce(
        {{ dialpad.seconds_before('max(extracted_at)', var('dialpad_lookback_days', 7) * 86400) }},
        cast('1970-01-01 00:00:00' as {{ dbt.type_timestamp() }})
    )
    from {{ relation }}
)
{%- endmacro -%}


{%- macro natural_numbers(fewer_than=10000) -%}
{#- A query of the whole numbers from 0, as `number`. -#}
select ones.digit + 10 * tens.digit + 100 * hundreds.digit + 1000 * thousands.digit as number
from
{%- for place in ['ones', 'tens', 'hundreds', 'thousands'] %}
    ({% for digit in range(10) %}{{ 'union all ' if not loop.first }}select {{ digit }} as digit {% endfor %}) as {{ place }}
    {{- ' cross join' if not loop.last }}
{%- endfor %}
where ones.digit + 10 * tens.digit + 100 * hundreds.digit + 1000 * thousands.digit < {{ fewer_than }}
{%- endmacro -%}


{%- macro kind_name(expression) -%}
{#- Kinds of targets in one spelling: user, call_center, department, office, room and what else comes. -#}
case lower(replace(replace({{ expression }}, ' ', ''), '_', ''))
    when 'user' then 'user'
    when 'userprofile' then 'user'
    when 'callcenter' then 'call_center'
    when 'coachingteam' then 'coaching_team'
    else lower(replace({{ expression }}, ' ', '_'))
end
{%- endmacro -%}


{%- macro analyzed(relation) -%}
{#- Postgres plans joins of a table nobody has analyzed yet as if it were empty: minutes instead of seconds. -#}
{%- if target.type == 'postgres' -%} analyze {{ relation }} {%- endif -%}
{%- endmacro -%}
