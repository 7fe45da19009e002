{{ dialpad.analytics_record_model('first_response_time', extra=[]) }}
