"""The command line of `dialpad-event-receiver`, and secrets from the environment."""

import argparse
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from event_receiver.errors import SettingError
from event_receiver.kinds import KINDS

MAX_DAYS: Final = 100_000
COMMANDS: Final = ("serve", "register", "list", "remove", "send-test", "prune")

_ENVIRONMENT = """environment:
  EVENT_RECEIVER_SECRET           the webhooks' shared secret; unset: unsigned events are accepted
  EVENT_RECEIVER_SECRET_PREVIOUS  a former secret that is still accepted, while it is being changed
  EVENT_RECEIVER_READ_KEY         the bearer key of GET /events; unset: nobody can read
  EVENT_RECEIVER_DATABASE         the database, if --database is not given
  DIALPAD_API_KEY                 a company API key, for register, list and remove
"""


def read_secrets(environ: Mapping[str, str]) -> list[str]:
    """Return the webhooks' secrets, the current one first."""
    current, previous = (read_secret(f"EVENT_RECEIVER_SECRET{end}", environ) for end in ("", "_PREVIOUS"))
    if previous and not current:
        text = "EVENT_RECEIVER_SECRET_PREVIOUS is set but EVENT_RECEIVER_SECRET is not"
        raise SettingError(f"{text}: unsigned events would be accepted. Set both, or neither.")
    return [secret for secret in (current, previous) if secret]


def read_secret(name: str, environ: Mapping[str, str]) -> str | None:
    """Return a secret from the environment, None if it is not set; empty is an error.

    An empty variable is most likely one that was not filled in; taking it for "no secret" would open the receiver.
    """
    value = environ.get(name)
    if value is not None and not value.strip():
        raise SettingError(f"{name} is empty: fill it in, or unset it.")
    return value and value.strip()


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    epilog: dict[str, Any] = {"epilog": _ENVIRONMENT, "formatter_class": argparse.RawDescriptionHelpFormatter}
    description = "Receives Dialpad's webhooks and stores their events, so that they can be read."
    parser = argparse.ArgumentParser("dialpad-event-receiver", description=description, **epilog)
    commands = parser.add_subparsers(dest="command", metavar="command")
    serving = commands.add_parser("serve", help="receive events (the default command)", **epilog)
    registering = commands.add_parser("register", help="have Dialpad send events to a URL")
    listing = commands.add_parser("list", help="show webhooks and subscriptions")
    removing = commands.add_parser("remove", help="remove the subscriptions and webhooks of a URL")
    testing = commands.add_parser("send-test", help="send one event to a URL as Dialpad would")
    pruning = commands.add_parser("prune", help="remove old events from the database")

    serving.add_argument("--port", type=int, default=8080, help="default 8080; 0 takes a free one")
    serving.add_argument("--host", default="localhost", help="default localhost; 0.0.0.0 listens on every interface")
    serving.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    for command in (serving, pruning):
        command.add_argument("--database", help="such as sqlite:///events.db or postgresql://user@host/name")
    pruning.add_argument(
        "--keep-days", type=_days, required=True, help="keep the events of the last DAYS days, remove the older ones"
    )

    url = "the receiver's, such as https://events.example.com/events"
    for command in (registering, removing, testing):
        command.add_argument("--url", required=True, type=_public_url, help=url)
    for command in (registering, removing):
        command.add_argument("--kinds", type=_kinds, help=f"comma-separated, default all: {','.join(KINDS)}")
        command.add_argument("--dry-run", action="store_true", help="print what would be done, and change nothing")
    for command in (registering, listing, removing):
        command.add_argument("--base-url", default="https://dialpad.com", help="default https://dialpad.com")
    registering.add_argument("--states", type=_words, default=["all"], help="comma-separated call states; default all")
    registering.add_argument("--target-type", help="limit call, sms and fax to one office, callcenter, user …")
    registering.add_argument("--target-id", help="the id of that target")
    registering.add_argument("--group-calls-only", action="store_true", help="only calls to groups")
    channels = "a channel whose messages to send; repeatable"
    registering.add_argument("--channel-id", action="append", default=[], help=channels)
    testing.add_argument("--kind", choices=tuple(KINDS), required=True, help="the kind of the event")
    return parser


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _kinds(text: str) -> list[str]:
    names = _words(text)
    if not names or not set(names) <= KINDS.keys():
        raise argparse.ArgumentTypeError(f"{text!r} names no kind or an unknown one; there are {', '.join(KINDS)}")
    return names


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = 0
    if not 0 < days < MAX_DAYS:
        raise argparse.ArgumentTypeError(f"{text} is not a number of days above 0")
    return days


def _public_url(url: str) -> str:
    """Return the receiver's URL; refuse one that is none, or where events would travel unencrypted."""
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in ("http", "https"):
        raise argparse.ArgumentTypeError(f"{url} is not a URL; it looks like https://events.example.com/events")
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise argparse.ArgumentTypeError(f"{url} must begin with https: events hold people's names and numbers")
    if parts.path.rstrip("/").rpartition("/")[2] in KINDS:
        raise argparse.ArgumentTypeError(f"{url} names a kind: leave it out, the kinds are put behind the URL")
    return parts._replace(netloc=parts.netloc.lower()).geturl().rstrip("/")
