"""`python -m call_receiver` is the command `dialpad-call-receiver`."""

from call_receiver.run import run

raise SystemExit(run())
