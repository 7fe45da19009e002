{{ dialpad.analytics_record_model('conversation_assignments', extra=[]) }}
