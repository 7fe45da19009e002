{%- set other = dialpad.named_cells('screenshare') %}

select
    record_key as screen_share_key,
    {{ other.agent_id }} as agent_id,
    {{ dialpad.to_utc(dialpad.try_instant(other.started_at), "coalesce(timezone, " ~ dialpad.account_zone() ~ ")") }} as started_at,
    {{ dialpad.to_utc(dialpad.try_instant(other.ended_at), "coalesce(timezone, " ~ dialpad.account_zone() ~ ")") }} as ended_at,
    window_start as started_date,
    {{ dialpad.try_number(other.minutes) }} * 60 as duration_seconds,
    cast({{ dialpad.try_number(other.participants) }} as {{ dbt.type_bigint() }}) as participants,
    source_relation
from {{ ref('stg_dialpad__records_screenshare') }}
