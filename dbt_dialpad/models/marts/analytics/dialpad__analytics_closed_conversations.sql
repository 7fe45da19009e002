{{ dialpad.analytics_record_model('closed_conversations', extra=['closing']) }}
