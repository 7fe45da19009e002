"""A Dialpad to develop, demonstrate and test against.

Where it lies: the company, its people and all they do are invented from a seed. History tables are up to date at once
(Dialpad's lag by hours; see the readings `history_lag` and `today_lag`). Directory objects do not change while time
passes, but for duty states. Headers that nobody has published (csat, screenshare, by user, by group, all figures but
those of calls) are invented. No analytics event falls into the last millisecond of a day. A key of one user is the
first user's. Everything below `/_fake/` and `/_storage/` does not exist at Dialpad.
"""
