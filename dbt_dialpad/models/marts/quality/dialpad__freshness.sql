{#- One stream. -#}
{%- set absent = [] -%}
{%- for stream in dialpad.streams() %}
{{ 'union all' if not loop.first }}
select
    '{{ stream.name }}' as stream,
    {{ 'true' if not execute or dialpad.synced_tables(stream.name, source('dialpad', stream.name)) else 'false' }} as is_there,
    count(*) as synced_rows,
    {{ 'max(cast(' ~ stream.event ~ ' as ' ~ dbt.type_timestamp() ~ '))' if stream.event else dialpad.typed_null('instant') }} as newest_event_at,
    max(_airbyte_extracted_at) as newest_extracted_at
from {{ ref('stg_dialpad__' ~ stream.name) }}
{%- endfor %}
