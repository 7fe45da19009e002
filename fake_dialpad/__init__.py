"""A Dialpad to develop, demonstrate and test against: the same URLs, limits and refusals, invented data.

Where it lies: the company, its people and all they do are invented from a seed. History tables are up to date at once
(at Dialpad they lag by hours; see the variants `history_lag` and `today_lag`). Directory objects do not change while
time passes, except for duty states. Headers that nobody has published (csat, screenshare, by user, by group, and all
aggregates but those of calls) are invented, and so are the error bodies of the Digital Engagement API. No analytics
event falls into the last millisecond of a day. A key of one user is the first user's. Rates are counted for each key
and process, not for a company. Nothing is sent to the webhooks that other systems have. Which calls have a transcript,
when it is ready, the headers of graded calls and the schedules of agents are invented. Live states of single call
centers and the list of websockets are missing. Nothing below `/_fake/` and `/_storage/` exists at Dialpad.

Start it with `python -m fake_dialpad --port 8800 --days 90 --seed 7 --calls-per-day 400`. What the documents leave open
is a variant (:mod:`fake_dialpad.variants`), each fault of a network or a server can be asked for
(:mod:`fake_dialpad.faults`), and what every stream should hold is known (:mod:`fake_dialpad.truth`).

How it is built, from the bottom up: `model` and `company` (who there is), `telephony`, `chats` and `activity` (what
happens in a day), `world` (all of it); `wire` and `context` (a request, and the circumstances in which it is answered);
a file for each API (`engagement`, `stats`, `analytics`, `conversations`, `directory`, `events`), none of which knows
another; `apis` (all of them), `truth` and `control`; `server` (over HTTP or in process).
"""
