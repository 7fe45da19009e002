select
    contact_id,
    {{ dialpad.external_number('display_name') }} as contact_name,
    company_name,
    job_title,
    {{ dialpad.external_number('primary_email') }} as email,
    {{ dialpad.external_number('primary_phone') }} as phone,
    {{ dialpad.external_number(dialpad.digits('primary_phone')) }} as external_number_key,
    type as contact_type,
    owner_id,
    source_relation
from {{ ref('stg_dialpad__contacts') }}
