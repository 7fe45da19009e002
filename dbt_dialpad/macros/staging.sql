{%- macro staging(stream, default_relation, key, columns) -%}
{#- One row a primary key of a synced table, the newest reading, with known columns under their names and types.

A column that the table lacks is a typed null, and a table that isn't there is an empty model: a connection that syncs
only some streams builds all models. Column names are compared without case. -#}
{%- set relations = dialpad.synced_tables(stream, default_relation) -%}
{%- if not relations %}
select
    {{ dialpad.typed_nulls(columns) }}
limit 0
{%- else -%}
{%- for entry in relations %}
{{ "union all" if not loop.first }}
select
    {%- for column in columns %}
    {{ column.to }},
    {%- endfor %}
    source_relation,
    _airbyte_extracted_at
from (
    select
        {{ dialpad.staged_columns(entry.relation, columns) }},
        cast({{ entry.name }} as {{ dbt.type_string() }}) as source_relation,
        row_number() over (
            partition by {{ dialpad.given_names(entry.relation, columns, key) }}
            order by {{ dialpad.freshest_first(entry.relation) }}
        ) as reading
    from {{ entry.relation }}
) as readings
where reading = 1
{%- endfor -%}
{%- endif -%}
{%- endmacro -%}


{%- macro synced_tables(stream, default_relation) -%}
{#- The tables of a stream that are there: one, or one for each connection of dialpad_sources. -#}
{%- set wanted = [] -%}
{%- if var('dialpad_sources', []) -%}
    {%- for connection in var('dialpad_sources') -%}
        {%- do wanted.append({
            "name": "'" ~ (connection.name or connection.schema) ~ "'",
            "relation": api.Relation.create(
                database=connection.database or default_relation.database,
                schema=connection.schema,
                identifier=var('dialpad_' ~ stream ~ '_identifier', stream)),
        }) -%}
    {%- endfor -%}
{%- else -%}
    {%- do wanted.append({"name": "''", "relation": default_relation}) -%}
{%- endif -%}
{%- if not execute -%} {{ return(wanted) }} {%- endif -%}
{%- set there = [] -%}
{%- for entry in wanted -%}
    {%- set relation = adapter.get_relation(
        database=entry.relation.database, schema=entry.relation.schema, identifier=entry.relation.identifier) -%}
    {%- if relation is not none -%}
        {%- do there.append({"name": entry.name, "relation": relation}) -%}
    {%- else -%}
        {%- do log("dialpad: there is no table " ~ entry.relation ~ "; stg_dialpad__" ~ stream ~ " lacks it.") -%}
    {%- endif -%}
{%- endfor -%}
{{ return(there) }}
{%- endmacro -%}


{%- macro columns_by_name(relation) -%}
{%- set by_name = {} -%}
{%- if execute -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
        {%- do by_name.update({column.name | lower: column}) -%}
    {%- endfor -%}
{%- endif -%}
{{ return(by_name) }}
{%- endmacro -%}


{%- macro staged_columns(relation, columns) -%}
{%- set there = dialpad.columns_by_name(relation) -%}
{%- for column in columns -%}
    {%- set given = there.get(column.from | lower) -%}
    {%- if given is none %}
        {{ dialpad.typed_null(column.type) }} as {{ column.to }},
    {%- else %}
        {{ dialpad.staged_value(adapter.quote(given.name), given.data_type, column) }} as {{ column.to }},
    {%- endif -%}
{%- endfor %}
        {%- set extracted = there.get('_airbyte_extracted_at') %}
        {{ dialpad.utc_instant(adapter.quote(extracted.name), extracted.data_type) if extracted else dialpad.typed_null('instant') }} as _airbyte_extracted_at
{%- endmacro -%}


{%- macro staged_value(name, data_type, column) -%}
{%- if column.member -%}
    {%- set text = dialpad.json_text(dialpad.as_json(name), column.member) -%}
    {%- if column.type == 'instant' -%} {{ dialpad.utc_instant(text, 'text') }}
    {%- else -%} cast({{ text }} as {{ dialpad.staged_type(column.type) }}) {%- endif -%}
{%- elif column.type == 'instant' -%} {{ dialpad.utc_instant(name, data_type) }}
{%- elif column.type == 'json' -%} {{ dialpad.as_json(name) }}
{%- elif column.type == 'any' and dialpad.is_json(data_type) -%} {{ dialpad.json_scalar(dialpad.as_json(name)) }}
{%- elif column.factor -%} (cast({{ name }} as {{ dialpad.type_double() }}) * {{ column.factor }})
{%- else -%} cast({{ name }} as {{ dialpad.staged_type(column.type) }}) {%- endif -%}
{%- endmacro -%}


{%- macro is_json(data_type) -%}
{{ return(data_type | lower in ('json', 'jsonb', 'variant', 'super', 'object', 'array')) }}
{%- endmacro -%}


{%- macro as_json(name) -%} cast({{ name }} as {{ dialpad.type_json() }}) {%- endmacro -%}


{%- macro staged_type(type) -%}
{{ return({
    "text": dbt.type_string(), "integer": dbt.type_bigint(), "number": dialpad.type_double(), "boolean": dbt.type_boolean(),
    "date": "date", "instant": dbt.type_timestamp(), "json": dialpad.type_json(),
    "any": dbt.type_string(),
}[type]) }}
{%- endmacro -%}


{%- macro typed_null(type) -%} cast(null as {{ dialpad.staged_type(type) }}) {%- endmacro -%}


{%- macro typed_nulls(columns) -%}
{%- for column in columns %}
    {{ dialpad.typed_null(column.type) }} as {{ column.to }},
{%- endfor %}
    cast('' as {{ dbt.type_string() }}) as source_relation,
    {{ dialpad.typed_null('instant') }} as _airbyte_extracted_at
{%- endmacro -%}


{%- macro given_names(relation, columns, key) -%}
{#- The key's columns as the table has them; one that it lacks can't tell rows apart. -#}
{%- set there = dialpad.columns_by_name(relation) -%}
{%- set names = [] -%}
{%- for column in columns if column.to in key and not column.member and there.get(column.from | lower) -%}
    {%- do names.append(adapter.quote(there[column.from | lower].name)) -%}
{%- endfor -%}
{{ (names or ['1']) | join(', ') }}
{%- endmacro -%}


{%- macro freshest_first(relation) -%}
{%- set there = dialpad.columns_by_name(relation) -%}
{%- set names = [] -%}
{%- for name in ['_airbyte_extracted_at', '_airbyte_raw_id'] if there.get(name) -%}
    {%- do names.append(adapter.quote(there[name].name) ~ ' desc') -%}
{%- endfor -%}
{{ (names or ['1']) | join(', ') }}
{%- endmacro -%}
