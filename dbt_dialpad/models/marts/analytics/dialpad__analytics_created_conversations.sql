{{ dialpad.analytics_record_model('created_conversations', extra=[]) }}
