"""Loads a Dialpad account into a warehouse on this machine or in Postgres, with the real connector and PyAirbyte.

Importing this package switches PyAirbyte offline and its telemetry off, before anything of it is imported: it reads
both settings once, at import.
"""

import os

os.environ["AIRBYTE_OFFLINE_MODE"] = "1"
os.environ["DO_NOT_TRACK"] = "1"
os.environ["NO_LIVE_PROGRESS"] = "1"
