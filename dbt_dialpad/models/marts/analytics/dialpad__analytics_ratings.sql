{{ dialpad.analytics_record_model('ratings', extra=[]) }}
