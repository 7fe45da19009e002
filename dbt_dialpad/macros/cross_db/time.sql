{#- Instants are timestamps without zone, in UTC, in every model. -#}

{%- macro utc_instant(column, data_type='timestamp') -%}
{#- A column of the warehouse as such an instant. `data_type` is what the warehouse says of the column. -#}
{{ return(adapter.dispatch('utc_instant', 'dialpad')(column, data_type | lower)) }}
{%- endmacro -%}

{%- macro has_zone(data_type) -%}
{{ return('with time zone' in data_type or data_type in ('timestamptz', 'timestamp_tz', 'timestamp_ltz')) }}
{%- endmacro -%}

{%- macro default__utc_instant(column, data_type) -%}
{%- if dialpad.has_zone(data_type) -%} ({{ column }} at time zone 'UTC')
{%- elif 'char' in data_type or data_type == 'text' -%} (cast({{ column }} as timestamp with time zone) at time zone 'UTC')
{%- else -%} cast({{ column }} as timestamp) {%- endif -%}
{%- endmacro -%}

{%- macro snowflake__utc_instant(column, data_type) -%}
{%- if dialpad.has_zone(data_type) -%} cast(convert_timezone('UTC', {{ column }}) as timestamp_ntz)
{%- elif 'char' in data_type or data_type == 'text' -%} cast(convert_timezone('UTC', cast({{ column }} as timestamp_tz)) as timestamp_ntz)
{%- else -%} cast({{ column }} as timestamp_ntz) {%- endif -%}
{%- endmacro -%}

{%- macro redshift__utc_instant(column, data_type) -%}
{%- if dialpad.has_zone(data_type) -%} ({{ column }} at time zone 'UTC')
{%- elif 'char' in data_type or data_type == 'text' -%} (cast({{ column }} as timestamptz) at time zone 'UTC')
{%- else -%} cast({{ column }} as timestamp) {%- endif -%}
{%- endmacro -%}

{%- macro bigquery__utc_instant(column, data_type) -%} cast({{ column }} as timestamp) {%- endmacro -%}

{%- macro databricks__utc_instant(column, data_type) -%} cast({{ column }} as timestamp) {%- endmacro -%}


{%- macro to_local(instant, zone) -%}
{#- The wall clock of a zone at an instant. The zone is SQL: a quoted name, or a column. -#}
{{ return(adapter.dispatch('to_local', 'dialpad')(instant, zone)) }}
{%- endmacro -%}

{%- macro default__to_local(instant, zone) -%} (({{ instant }} at time zone 'UTC') at time zone {{ zone }}) {%- endmacro -%}
{%- macro duckdb__to_local(instant, zone) -%} timezone({{ zone }}, timezone('UTC', {{ instant }})) {%- endmacro -%}
{%- macro snowflake__to_local(instant, zone) -%} convert_timezone('UTC', {{ zone }}, {{ instant }}) {%- endmacro -%}
{%- macro redshift__to_local(instant, zone) -%} convert_timezone('UTC', {{ zone }}, {{ instant }}) {%- endmacro -%}
{%- macro bigquery__to_local(instant, zone) -%} datetime({{ instant }}, {{ zone }}) {%- endmacro -%}
{%- macro databricks__to_local(instant, zone) -%} from_utc_timestamp({{ instant }}, {{ zone }}) {%- endmacro -%}


{%- macro to_utc(wall_clock, zone) -%}
{#- The instant at which the clock of a zone shows a time: to_local the other way round. -#}
{{ return(adapter.dispatch('to_utc', 'dialpad')(wall_clock, zone)) }}
{%- endmacro -%}

{%- macro default__to_utc(wall_clock, zone) -%} (({{ wall_clock }} at time zone {{ zone }}) at time zone 'UTC') {%- endmacro -%}
{%- macro duckdb__to_utc(wall_clock, zone) -%} timezone('UTC', timezone({{ zone }}, {{ wall_clock }})) {%- endmacro -%}
{%- macro snowflake__to_utc(wall_clock, zone) -%} convert_timezone({{ zone }}, 'UTC', {{ wall_clock }}) {%- endmacro -%}
{%- macro redshift__to_utc(wall_clock, zone) -%} convert_timezone({{ zone }}, 'UTC', {{ wall_clock }}) {%- endmacro -%}
{%- macro bigquery__to_utc(wall_clock, zone) -%} timestamp(cast({{ wall_clock }} as datetime), {{ zone }}) {%- endmacro -%}
{%- macro databricks__to_utc(wall_clock, zone) -%} to_utc_timestamp({{ wall_clock }}, {{ zone }}) {%- endmacro -%}


{%- macro local_date(instant, zone=none) -%}
{#- The day of an instant, in dialpad_timezone or in the zone given. -#}
cast({{ dialpad.to_local(instant, zone or dialpad.account_zone()) }} as date)
{%- endmacro -%}

{%- macro account_zone() -%}
{{ return("'" ~ var('dialpad_timezone', 'UTC') ~ "'") }}
{%- endmacro -%}


{%- macro elapsed_seconds(since, until) -%}
{#- Seconds between two instants, with their fractions: dbt's datediff counts boundaries passed, not time. -#}
{{ return(adapter.dispatch('elapsed_seconds', 'dialpad')(since, until)) }}
{%- endmacro -%}

{%- macro default__elapsed_seconds(since, until) -%} cast(extract(epoch from ({{ until }} - {{ since }})) as double precision) {%- endmacro -%}
{%- macro duckdb__elapsed_seconds(since, until) -%} (date_diff('microsecond', {{ since }}, {{ until }}) / 1000000.0::double) {%- endmacro -%}
{%- macro snowflake__elapsed_seconds(since, until) -%} (cast(timestampdiff('microsecond', {{ since }}, {{ until }}) as double) / 1000000) {%- endmacro -%}
{%- macro redshift__elapsed_seconds(since, until) -%} (cast(datediff(microsecond, {{ since }}, {{ until }}) as double precision) / 1000000) {%- endmacro -%}
{%- macro bigquery__elapsed_seconds(since, until) -%} (timestamp_diff({{ until }}, {{ since }}, microsecond) / 1000000) {%- endmacro -%}
{%- macro databricks__elapsed_seconds(since, until) -%} (cast(timestampdiff(microsecond, {{ since }}, {{ until }}) as double) / 1000000) {%- endmacro -%}


{%- macro seconds_before(instant, seconds) -%}
{#- The instant some whole seconds earlier; `seconds` is SQL. -#}
{{ return(adapter.dispatch('seconds_before', 'dialpad')(instant, seconds)) }}
{%- endmacro -%}

{%- macro default__seconds_before(instant, seconds) -%} ({{ instant }} - ({{ seconds }}) * interval '1 second') {%- endmacro -%}
{%- macro duckdb__seconds_before(instant, seconds) -%} ({{ instant }} - to_seconds(cast({{ seconds }} as bigint))) {%- endmacro -%}
{%- macro snowflake__seconds_before(instant, seconds) -%} timestampadd('second', -({{ seconds }}), {{ instant }}) {%- endmacro -%}
{%- macro redshift__seconds_before(instant, seconds) -%} dateadd(second, cast(-({{ seconds }}) as integer), {{ instant }}) {%- endmacro -%}
{%- macro bigquery__seconds_before(instant, seconds) -%} timestamp_sub({{ instant }}, interval cast({{ seconds }} as int64) second) {%- endmacro -%}
{%- macro databricks__seconds_before(instant, seconds) -%} timestampadd(second, cast(-({{ seconds }}) as int), {{ instant }}) {%- endmacro -%}


{%- macro local_seconds_of_day(instant, zone) -%}
{#- Whole seconds since the local midnight that the clock shows; on a day with a clock change not the time passed. -#}
{%- set clock = dialpad.to_local(instant, zone) -%}
cast(extract(hour from {{ clock }}) * 3600 + extract(minute from {{ clock }}) * 60 + floor(extract(second from {{ clock }})) as {{ dbt.type_bigint() }})
{%- endmacro -%}


{%- macro floor_to_interval(instant, zone, minutes) -%}
{#- The start of the interval an instant falls in, in UTC. Right for zones of 30 and 45 minutes; where the clock is set
back, the repeated hour gives intervals of its own. -#}
{{ dialpad.seconds_before(dialpad.whole_second(instant), 'mod(' ~ dialpad.local_seconds_of_day(instant, zone) ~ ', ' ~ (minutes * 60) ~ ')') }}
{%- endmacro -%}

{%- macro whole_second(instant) -%}
{{ return(adapter.dispatch('whole_second', 'dialpad')(instant)) }}
{%- endmacro -%}

{%- macro default__whole_second(instant) -%} date_trunc('second', {{ instant }}) {%- endmacro -%}
{%- macro bigquery__whole_second(instant) -%} timestamp_trunc({{ instant }}, second) {%- endmacro -%}


{%- macro days_after(day, days) -%}
{#- A date some days later; both are SQL. -#}
{{ return(adapter.dispatch('days_after', 'dialpad')(day, days)) }}
{%- endmacro -%}

{%- macro default__days_after(day, days) -%} cast({{ day }} + cast({{ days }} as integer) as date) {%- endmacro -%}
{%- macro snowflake__days_after(day, days) -%} dateadd(day, {{ days }}, {{ day }}) {%- endmacro -%}
{%- macro redshift__days_after(day, days) -%} cast(dateadd(day, cast({{ days }} as integer), {{ day }}) as date) {%- endmacro -%}
{%- macro bigquery__days_after(day, days) -%} date_add({{ day }}, interval cast({{ days }} as int64) day) {%- endmacro -%}
{%- macro databricks__days_after(day, days) -%} date_add({{ day }}, cast({{ days }} as int)) {%- endmacro -%}


{%- macro days_between(earlier, later) -%}
{#- Whole days between two dates. -#}
{{ return(adapter.dispatch('days_between', 'dialpad')(earlier, later)) }}
{%- endmacro -%}

{%- macro default__days_between(earlier, later) -%} ({{ later }} - {{ earlier }}) {%- endmacro -%}
{%- macro snowflake__days_between(earlier, later) -%} datediff(day, {{ earlier }}, {{ later }}) {%- endmacro -%}
{%- macro redshift__days_between(earlier, later) -%} datediff(day, {{ earlier }}, {{ later }}) {%- endmacro -%}
{%- macro bigquery__days_between(earlier, later) -%} date_diff({{ later }}, {{ earlier }}, day) {%- endmacro -%}
{%- macro databricks__days_between(earlier, later) -%} datediff({{ later }}, {{ earlier }}) {%- endmacro -%}


{%- macro iso_weekday(day) -%}
{#- 1 for Monday to 7 for Sunday. -#}
{{ return(adapter.dispatch('iso_weekday', 'dialpad')(day)) }}
{%- endmacro -%}

{%- macro default__iso_weekday(day) -%} cast(extract(isodow from {{ day }}) as integer) {%- endmacro -%}
{%- macro snowflake__iso_weekday(day) -%} dayofweekiso({{ day }}) {%- endmacro -%}
{%- macro redshift__iso_weekday(day) -%} (mod(cast(extract(dow from {{ day }}) as integer) + 6, 7) + 1) {%- endmacro -%}
{%- macro bigquery__iso_weekday(day) -%} (mod(extract(dayofweek from {{ day }}) + 5, 7) + 1) {%- endmacro -%}
{%- macro databricks__iso_weekday(day) -%} (weekday({{ day }}) + 1) {%- endmacro -%}


{%- macro week_start(day) -%}
{#- The first day of the week a date falls in, by dialpad_week_start. -#}
{%- if var('dialpad_week_start', 'monday') == 'sunday' -%}
{{ dialpad.days_after(day, '-mod(' ~ dialpad.iso_weekday(day) ~ ', 7)') }}
{%- else -%}
{{ dialpad.days_after(day, '1 - ' ~ dialpad.iso_weekday(day)) }}
{%- endif -%}
{%- endmacro -%}


{%- macro month_start(day) -%}
{{ dialpad.days_after(day, '1 - cast(extract(day from ' ~ day ~ ') as integer)') }}
{%- endmacro -%}


{%- macro clock_minutes(text) -%}
{#- Minutes since midnight of a text such as 08:00. -#}
(cast({{ dbt.split_part(text, "':'", 1) }} as integer) * 60 + cast({{ dbt.split_part(text, "':'", 2) }} as integer))
{%- endmacro -%}
