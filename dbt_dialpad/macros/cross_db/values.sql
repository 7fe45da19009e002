{%- macro type_json() -%}
{{ return(adapter.dispatch('type_json', 'dialpad')()) }}
{%- endmacro -%}
{%- macro default__type_json() -%} json {%- endmacro -%}
{%- macro postgres__type_json() -%} jsonb {%- endmacro -%}
{%- macro snowflake__type_json() -%} variant {%- endmacro -%}
{%- macro redshift__type_json() -%} super {%- endmacro -%}
{%- macro databricks__type_json() -%} string {%- endmacro -%}

{%- macro type_double() -%}
{{ return(adapter.dispatch('type_double', 'dialpad')()) }}
{%- endmacro -%}
{%- macro default__type_double() -%} double precision {%- endmacro -%}
{%- macro snowflake__type_double() -%} double {%- endmacro -%}
{%- macro bigquery__type_double() -%} float64 {%- endmacro -%}
{%- macro databricks__type_double() -%} double {%- endmacro -%}


{%- macro json_text(column, key) -%}
{#- A member of an object as text; null where it isn't there or is null. -#}
{{ return(adapter.dispatch('json_text', 'dialpad')(column, key)) }}
{%- endmacro -%}
{%- macro default__json_text(column, key) -%} json_extract_string({{ column }}, '$."{{ key }}"') {%- endmacro -%}
{%- macro postgres__json_text(column, key) -%} ({{ column }} ->> '{{ key }}') {%- endmacro -%}
{%- macro snowflake__json_text(column, key) -%} cast(get_ignore_case({{ column }}, '{{ key }}') as varchar) {%- endmacro -%}
{%- macro bigquery__json_text(column, key) -%} json_value({{ column }}, '$."{{ key }}"') {%- endmacro -%}
{%- macro redshift__json_text(column, key) -%} json_extract_path_text(json_serialize({{ column }}), '{{ key }}', true) {%- endmacro -%}
{%- macro databricks__json_text(column, key) -%} get_json_object({{ column }}, '$["{{ key }}"]') {%- endmacro -%}


{%- macro json_element(column, position) -%}
{#- An element of a list as text, counted from 0. -#}
{{ return(adapter.dispatch('json_element', 'dialpad')(column, position)) }}
{%- endmacro -%}
{%- macro default__json_element(column, position) -%} json_extract_string({{ column }}, '$[{{ position }}]') {%- endmacro -%}
{%- macro postgres__json_element(column, position) -%} ({{ column }} ->> {{ position }}) {%- endmacro -%}
{%- macro snowflake__json_element(column, position) -%} cast(get({{ column }}, {{ position }}) as varchar) {%- endmacro -%}
{%- macro bigquery__json_element(column, position) -%} json_value({{ column }}, '$[{{ position }}]') {%- endmacro -%}
{%- macro redshift__json_element(column, position) -%} json_extract_array_element_text(json_serialize({{ column }}), {{ position }}, true) {%- endmacro -%}
{%- macro databricks__json_element(column, position) -%} get_json_object({{ column }}, '$[{{ position }}]') {%- endmacro -%}


{%- macro json_scalar(column) -%}
{#- A JSON value that is a text, number or truth value, as text without quotes. -#}
{{ return(adapter.dispatch('json_scalar', 'dialpad')(column)) }}
{%- endmacro -%}
{%- macro default__json_scalar(column) -%} json_extract_string({{ column }}, '$') {%- endmacro -%}
{%- macro postgres__json_scalar(column) -%} ({{ column }} #>> '{}') {%- endmacro -%}
{%- macro snowflake__json_scalar(column) -%} cast({{ column }} as varchar) {%- endmacro -%}
{%- macro bigquery__json_scalar(column) -%} json_value({{ column }}) {%- endmacro -%}
{%- macro redshift__json_scalar(column) -%} cast({{ column }} as varchar) {%- endmacro -%}
{%- macro databricks__json_scalar(column) -%} trim(both '"' from {{ column }}) {%- endmacro -%}


{%- macro json_list_text(column) -%}
{#- The texts of a list, separated by comma and space; null where there is no list or an empty one. -#}
{{ return(adapter.dispatch('json_list_text', 'dialpad')(column)) }}
{%- endmacro -%}
{%- macro default__json_list_text(column) -%} nullif(array_to_string(json_extract_string({{ column }}, '$[*]'), ', '), '') {%- endmacro -%}
{%- macro postgres__json_list_text(column) -%}
(select string_agg(list.element, ', ' order by list.position) from jsonb_array_elements_text(case when jsonb_typeof({{ column }}) = 'array' then {{ column }} end) with ordinality as list (element, position))
{%- endmacro -%}
{%- macro snowflake__json_list_text(column) -%} nullif(array_to_string(as_array({{ column }}), ', '), '') {%- endmacro -%}
{%- macro bigquery__json_list_text(column) -%} nullif(array_to_string(json_value_array({{ column }}), ', '), '') {%- endmacro -%}
{%- macro redshift__json_list_text(column) -%} nullif(replace(translate(json_serialize({{ column }}), '[]"', ''), ',', ', '), '') {%- endmacro -%}
{%- macro databricks__json_list_text(column) -%} nullif(array_join(from_json({{ column }}, 'array<string>'), ', '), '') {%- endmacro -%}


{%- macro json_members(relation, column, keys) -%}
{#- Rows of `keys` (columns of the relation), `field` and `value`: one for each member of the object. A list becomes its
texts with commas between. -#}
{{ return(adapter.dispatch('json_members', 'dialpad')(relation, column, keys)) }}
{%- endmacro -%}
{%- macro default__json_members(relation, column, keys) -%}
select
    {{ keys | join(', ') }},
    field,
    case when json_type({{ column }}, '$."' || field || '"') = 'ARRAY'
        then nullif(array_to_string(try_cast(json_extract({{ column }}, '$."' || field || '"') as varchar[]), ', '), '')
        else json_extract_string({{ column }}, '$."' || field || '"')
    end as value
from (select {{ keys | join(', ') }}, {{ column }}, unnest(json_keys({{ column }})) as field from {{ relation }}) as members
{%- endmacro -%}
{%- macro postgres__json_members(relation, column, keys) -%}
select
    {{ keys | join(', ') }},
    members.key as field,
    case when jsonb_typeof(members.value) = 'array'
        then (select string_agg(list.element, ', ' order by list.position) from jsonb_array_elements_text(members.value) with ordinality as list (element, position))
        else members.value #>> '{}'
    end as value
from {{ relation }} cross join lateral jsonb_each(case when jsonb_typeof({{ column }}) = 'object' then {{ column }} end) as members
{%- endmacro -%}
{%- macro snowflake__json_members(relation, column, keys) -%}
select {{ keys | join(', ') }}, members.key as field, cast(members.value as varchar) as value
from {{ relation }}, lateral flatten(input => {{ column }}) as members
{%- endmacro -%}
{%- macro bigquery__json_members(relation, column, keys) -%}
select {{ keys | join(', ') }}, field, coalesce(json_value({{ column }}[field]), to_json_string({{ column }}[field])) as value
from {{ relation }} cross join unnest(json_keys({{ column }}, 1)) as field
{%- endmacro -%}
{%- macro redshift__json_members(relation, column, keys) -%}
select {{ keys | join(', ') }}, field, cast(value as varchar) as value
from {{ relation }} as given, unpivot given.{{ column }} as value at field
{%- endmacro -%}
{%- macro databricks__json_members(relation, column, keys) -%}
select {{ keys | join(', ') }}, field, value
from {{ relation }} lateral view explode(from_json({{ column }}, 'map<string, string>')) members as field, value
{%- endmacro -%}


{%- macro try_number(expression) -%}
{#- A text as a number; null where it is none. -#}
{{ return(adapter.dispatch('try_number', 'dialpad')(expression)) }}
{%- endmacro -%}
{%- macro default__try_number(expression) -%} try_cast({{ expression }} as {{ dialpad.type_double() }}) {%- endmacro -%}
{%- macro postgres__try_number(expression) -%}
(case when {{ expression }} ~ '^\s*[-+]?[0-9]+(\.[0-9]+)?\s*$' then cast({{ expression }} as double precision) end)
{%- endmacro -%}
{%- macro redshift__try_number(expression) -%}
(case when {{ expression }} ~ '^\\s*[-+]?[0-9]+(\\.[0-9]+)?\\s*$' then cast({{ expression }} as double precision) end)
{%- endmacro -%}
{%- macro snowflake__try_number(expression) -%} try_to_double({{ expression }}) {%- endmacro -%}
{%- macro bigquery__try_number(expression) -%} safe_cast({{ expression }} as float64) {%- endmacro -%}


{%- macro try_instant(expression) -%}
{#- A text such as 2026-09-16 18:11:13.340549 as a timestamp without zone; null where it is none. -#}
{{ return(adapter.dispatch('try_instant', 'dialpad')(expression)) }}
{%- endmacro -%}
{%- macro default__try_instant(expression) -%} try_cast({{ expression }} as timestamp) {%- endmacro -%}
{%- macro postgres__try_instant(expression) -%}
(case when {{ expression }} ~ '^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?$' then cast({{ expression }} as timestamp) end)
{%- endmacro -%}
{%- macro redshift__try_instant(expression) -%}
(case when {{ expression }} ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}' then cast({{ expression }} as timestamp) end)
{%- endmacro -%}
{%- macro snowflake__try_instant(expression) -%} try_to_timestamp_ntz({{ expression }}) {%- endmacro -%}
{%- macro bigquery__try_instant(expression) -%} safe_cast({{ expression }} as timestamp) {%- endmacro -%}


{%- macro percentile(column, fraction) -%}
{#- The interpolated percentile of a group. -#}
{{ return(adapter.dispatch('percentile', 'dialpad')(column, fraction)) }}
{%- endmacro -%}
{%- macro default__percentile(column, fraction) -%} percentile_cont({{ fraction }}) within group (order by {{ column }}) {%- endmacro -%}
{%- macro duckdb__percentile(column, fraction) -%} quantile_cont({{ column }}, {{ fraction }}) {%- endmacro -%}
{%- macro bigquery__percentile(column, fraction) -%} approx_quantiles({{ column }}, 1000)[offset({{ (fraction * 1000) | int }})] {%- endmacro -%}
{%- macro databricks__percentile(column, fraction) -%} percentile({{ column }}, {{ fraction }}) {%- endmacro -%}


{%- macro digits(expression) -%}
{#- The digits of a phone number without leading zeros: +49 30 555 and 004930555 are one number. Null where none is left. -#}
{{ return(adapter.dispatch('digits', 'dialpad')(expression)) }}
{%- endmacro -%}
{%- macro default__digits(expression) -%} nullif(ltrim(regexp_replace({{ expression }}, '[^0-9]', '', 'g'), '0'), '') {%- endmacro -%}
{%- macro snowflake__digits(expression) -%} nullif(ltrim(regexp_replace({{ expression }}, '[^0-9]', ''), '0'), '') {%- endmacro -%}
{%- macro redshift__digits(expression) -%} nullif(ltrim(regexp_replace({{ expression }}, '[^0-9]', ''), '0'), '') {%- endmacro -%}
{%- macro bigquery__digits(expression) -%} nullif(ltrim(regexp_replace({{ expression }}, '[^0-9]', ''), '0'), '') {%- endmacro -%}
{%- macro databricks__digits(expression) -%} nullif(ltrim('0', regexp_replace({{ expression }}, '[^0-9]', '')), '') {%- endmacro -%}


{%- macro earliest(one, other) -%}
{#- The earlier of two times; a null counts as none, which least() does in some warehouses only. -#}
(case when {{ other }} is null or {{ one }} <= {{ other }} then {{ one }} else {{ other }} end)
{%- endmacro -%}

{%- macro latest(one, other) -%}
(case when {{ other }} is null or {{ one }} >= {{ other }} then {{ one }} else {{ other }} end)
{%- endmacro -%}

{%- macro ratio(numerator, denominator) -%}
{#- Null, not 0, where there is nothing to divide by. -#}
(cast({{ numerator }} as {{ dialpad.type_double() }}) / nullif({{ denominator }}, 0))
{%- endmacro -%}

{%- macro union_distinct() -%}
{#- Between two queries: the rows of both, each once. -#}
{{ return(adapter.dispatch('union_distinct', 'dialpad')()) }}
{%- endmacro -%}
{%- macro default__union_distinct() -%} union {%- endmacro -%}
{%- macro bigquery__union_distinct() -%} union distinct {%- endmacro -%}

{%- macro count_if(condition) -%}
sum(case when {{ condition }} then 1 else 0 end)
{%- endmacro -%}

{%- macro has_token(list, token) -%}
{#- Whether a list separated by commas holds a word. -#}
(coalesce(',' || replace({{ list }}, ' ', '') || ',', '') like '%,{{ token }},%')
{%- endmacro -%}
