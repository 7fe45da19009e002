select stream, is_there, synced_rows, newest_event_at, newest_extracted_at
from dialpad_marts.dialpad__freshness
order by stream
