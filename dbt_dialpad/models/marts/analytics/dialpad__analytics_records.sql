{#- One field of one analytics record, with the display text where it has one. -#}

with records as (
    select * from {{ ref('stg_dialpad__analytics_record_data') }}
),

record_fields as (
    {{ dialpad.json_members('records', 'fields', ['record_key', 'record_id', 'occurred_at', 'source_relation']) }}
),

record_labels as (
    {{ dialpad.json_members('records', 'labels', ['record_key']) }}
)

select
    {{ dialpad.derived_key(['record_fields.record_key', 'record_fields.field']) }} as record_field_key,
    record_fields.record_key,
    record_fields.record_id,
    record_fields.occurred_at,
    record_fields.field,
    record_fields.value,
    record_labels.value as label,
    record_fields.source_relation
from record_fields
left join record_labels
    on record_fields.record_key = record_labels.record_key and record_fields.field = record_labels.field
