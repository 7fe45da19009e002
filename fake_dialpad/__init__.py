"""A Dialpad to develop, demonstrate and test against: the same URLs, limits and refusals, invented data.

Where it lies: the company, its people and all they do are invented from a seed. History tables are up to date at once
(Dialpad's lag by hours; see the readings `history_lag` and `today_lag`). Directory objects do not change while time
passes, but for duty states. Headers that nobody has published (csat, screenshare, by user, by group, all figures but
those of calls) are invented, and so are the bodies of errors of the Digital Engagement API. No analytics event falls
into the last millisecond of a day. A key of one user is the first user's. Rates are counted a key and a process, not
a company. Live states of single call centers, plans, licences and websockets are missing. Everything below `/_fake/`
and `/_storage/` does not exist at Dialpad.

Start it with `python -m fake_dialpad --port 8800 --days 90 --seed 7 --calls-per-day 400`. Each doubt of the documents
is a reading (:mod:`fake_dialpad.readings`), each fault of a network or a server can be asked for
(:mod:`fake_dialpad.faults`), and what every stream should hold is known (:mod:`fake_dialpad.truth`).
"""
