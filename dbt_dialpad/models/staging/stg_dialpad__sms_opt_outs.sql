{#- Made from schemas/*.json by `python -m dbt_dialpad.make_staging`: not by hand. -#}
{%- set columns = [
    {"from": "external_endpoint", "to": "external_endpoint", "type": "text"},
    {"from": "scope", "to": "scope", "type": "text"},
    {"from": "opt_out_state", "to": "opt_out_state", "type": "text"},
    {"from": "date", "to": "occurred_at", "type": "instant"},
    {"from": "opt_out_scope_info", "to": "opt_out_scope_info", "type": "json"},
    {"from": "opt_out_scope_info", "to": "opt_out_scope_info_opt_out_scope_level", "type": "text", "member": "opt_out_scope_level"},
    {"from": "opt_out_scope_info", "to": "opt_out_scope_info_scope_id", "type": "text", "member": "scope_id"}
] -%}

{{ dialpad.staging("sms_opt_outs", source("dialpad", "sms_opt_outs"), key=["external_endpoint", "scope"], columns=columns) }}
