"""`python -m event_receiver` is the command `dialpad-event-receiver`."""

from event_receiver.run import run

raise SystemExit(run())
