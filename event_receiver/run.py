"""The command `dialpad-event-receiver`: serve, register, list, remove, prune. Without a command, it serves.

Secrets come from the environment or from files, never from flags, which other users of the machine can read.
"""

import argparse
import contextlib
import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

try:
    from sqlalchemy.exc import OperationalError, SQLAlchemyError

    from event_receiver import logs
    from event_receiver.app import create_app
    from event_receiver.metrics import Metrics
    from event_receiver.refusals import SettingError
    from event_receiver.register import Dialpad, DialpadError, listed, register, remove
    from event_receiver.server import listen, serve
    from event_receiver.store import Store
except ModuleNotFoundError as missing:
    text = (
        f"dialpad-event-receiver: no {missing.name}. Install its extra: pip install 'airbyte-source-dialpad[receiver]'"
    )
    raise SystemExit(text) from missing

COMMANDS: Final = ("serve", "register", "list", "remove", "prune")

SHORT_SECRET_BYTES: Final = 32
"""HS256 wants a secret at least as long as its hash (RFC 7518, section 3.2)."""

_MICROSECONDS_A_DAY: Final = 86_400_000_000

_ENVIRONMENT = """environment:
  EVENT_RECEIVER_SECRET           the webhook's shared secret; unset: unsigned events are taken
  EVENT_RECEIVER_SECRET_PREVIOUS  a former secret that is still accepted, while it is being changed
  EVENT_RECEIVER_READ_KEY         the bearer key of GET /events; unset: nobody can read
  EVENT_RECEIVER_DATABASE         the database, if --database is not given
  DIALPAD_API_KEY                a company API key, for register, list and remove
"""


def run(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Run one command; return the exit status: 0 done, 1 Dialpad or the database refused, 2 a setting is wrong."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or (arguments[0] not in COMMANDS and arguments[0] not in ("-h", "--help")):
        arguments.insert(0, "serve")
    options = _parser().parse_args(arguments)
    environment = os.environ if environ is None else environ
    try:
        if options.command == "serve":
            _serve(options, environment)
        elif options.command == "prune":
            _prune(options, environment)
        else:
            _registration(options, environment)
    except SettingError as error:
        print(f"dialpad-event-receiver: {error}", file=sys.stderr)
        return 2
    except DialpadError as error:
        print(f"dialpad-event-receiver: {error}", file=sys.stderr)
        return 1
    return 0


def _serve(options: argparse.Namespace, environ: Mapping[str, str]) -> None:
    logs.configure(options.log_level)
    secrets = _secrets(options.secret_file, environ)
    read_key = _setting("EVENT_RECEIVER_READ_KEY", options.read_key_file, "--read-key-file", environ)
    os.umask(0o077)  # the database holds people's names and numbers
    store = Store(_database(options, environ))
    figures = Metrics()
    app = create_app(store, secrets=secrets, read_key=read_key, max_token_age=options.max_token_age, figures=figures)
    _prepare(store)
    if not secrets:
        logs.say(logging.WARNING, "no EVENT_RECEIVER_SECRET: anybody who finds the URL can write events")
    elif min(len(secret.encode()) for secret in secrets) < SHORT_SECRET_BYTES:
        logs.say(logging.WARNING, "EVENT_RECEIVER_SECRET is short: 32 characters or more are hard to guess")
    if read_key is None:
        logs.say(logging.WARNING, "no EVENT_RECEIVER_READ_KEY: GET /events is shut")
    try:
        listening = listen(options.host, options.port)
    except OSError as error:
        text = (
            f"Cannot listen on {options.host} port {options.port}: {error.strerror}. Choose another --port or --host."
        )
        raise SettingError(text) from error
    serve(app, listening, figures)


def _prepare(store: Store) -> None:
    """Make the tables. A server that is away may come back, and until then senders get 503; a file will not."""
    try:
        store.prepare()
    except OperationalError as error:
        if not store.shared:
            raise SettingError(f"Cannot open {store}: {error.orig}.") from error
        logs.say(logging.ERROR, "the database does not answer; deliveries get 503 until it does", error=error)
    except SQLAlchemyError as error:
        raise SettingError(f"Cannot make the tables in {store}: {type(error).__name__}.") from error


def _prune(options: argparse.Namespace, environ: Mapping[str, str]) -> None:
    store = Store(_database(options, environ))
    try:
        removed = store.prune(time.time_ns() // 1000 - options.keep_days * _MICROSECONDS_A_DAY)
    except SQLAlchemyError as error:
        text = f"Cannot prune {store}: {type(error).__name__}. What was removed so far stays removed; run it again."
        raise SettingError(text) from error
    finally:
        store.close()
    print(f"{removed} events removed")


def _registration(options: argparse.Namespace, environ: Mapping[str, str]) -> None:
    api_key = _setting("DIALPAD_API_KEY", options.api_key_file, "--api-key-file", environ)
    if not api_key:
        raise SettingError("DIALPAD_API_KEY is not set: a company API key, made under Admin Settings.")
    with contextlib.closing(Dialpad(api_key, options.base_url)) as dialpad:
        if options.command == "list":
            said = listed(dialpad)
        elif options.command == "remove":
            said = remove(dialpad, options.url, keep_webhook=options.keep_webhook)
        else:
            said = _register(dialpad, options, environ)
    print("\n".join(said))


def _register(dialpad: Dialpad, options: argparse.Namespace, environ: Mapping[str, str]) -> list[str]:
    secrets = _secrets(options.secret_file, environ)
    if not secrets and not options.unsigned:
        text = "EVENT_RECEIVER_SECRET is not set. Set it to the receiver's secret, or say --unsigned."
        raise SettingError(text)
    parts = urlsplit(options.url)
    if not parts.hostname or parts.scheme not in ("http", "https"):
        raise SettingError(f"--url {options.url} is not a URL; it looks like https://calls.example.com/events.")
    if parts.scheme == "http" and parts.hostname != "localhost":
        raise SettingError(f"--url {options.url} must begin with https: events hold people's names and numbers.")
    if not parts.path.rstrip("/").endswith("/events"):
        print("note: the receiver takes events at /events; the URL has another path", file=sys.stderr)
    if bool(options.target_type) != bool(options.target_id):
        raise SettingError("--target-type and --target-id belong together.")
    return register(
        dialpad,
        options.url,
        "" if options.unsigned else secrets[0],
        states=[state.strip() for state in options.states.split(",") if state.strip()],
        target=(options.target_type, options.target_id) if options.target_type else None,
        group_calls_only=options.group_calls_only,
    )


def _database(options: argparse.Namespace, environ: Mapping[str, str]) -> str:
    database: str = options.database or environ.get("EVENT_RECEIVER_DATABASE", "").strip()
    if not database:
        raise SettingError("No database: give --database sqlite:///events.db, or set EVENT_RECEIVER_DATABASE.")
    return database


def _secrets(file: Path | None, environ: Mapping[str, str]) -> list[str]:
    """Return the secrets, the current one first; a file holds one a line."""
    current = _setting("EVENT_RECEIVER_SECRET", file, "--secret-file", environ)
    if current is None:
        return []
    secrets = current.splitlines() or [current]
    previous = environ.get("EVENT_RECEIVER_SECRET_PREVIOUS", "").strip()
    return [*secrets, previous] if previous else secrets


def _setting(name: str, file: Path | None, flag: str, environ: Mapping[str, str]) -> str | None:
    """Return a secret setting from the environment or a file, None if neither is there; empty is an error.

    An empty variable is most likely one that was not filled in; taking it for "no secret" would open the receiver.
    """
    if file is None:
        value, where = environ.get(name), name
    elif name in environ:
        raise SettingError(f"Both {name} and {flag} are set: leave one out.")
    else:
        try:
            value, where = file.read_text(encoding="utf-8"), f"{flag} {file}"
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"{flag} {file} cannot be read: {error}.") from error
    if value is None:
        return None
    if not value.strip():
        raise SettingError(f"{where} is empty: fill it in, or leave it out.")
    return value.strip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dialpad-event-receiver",
        description="Takes Dialpad's call webhooks and keeps them, so that they can be read.",
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="command")

    serving = commands.add_parser(
        "serve",
        help="take events (the default command)",
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    serving.add_argument("--port", type=int, default=8080, help="default 8080; 0 takes a free one")
    serving.add_argument("--host", default="localhost", help="default localhost; 0.0.0.0 listens on every interface")
    serving.add_argument("--secret-file", type=Path, help="instead of EVENT_RECEIVER_SECRET; one secret a line")
    serving.add_argument("--read-key-file", type=Path, help="instead of EVENT_RECEIVER_READ_KEY")
    serving.add_argument(
        "--max-token-age",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="how old the iat of a token may be, if it has one; default 300",
    )
    serving.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")

    pruning = commands.add_parser("prune", help="remove old events from the database")
    pruning.add_argument("--keep-days", type=float, required=True, help="remove events received longer ago than this")
    for command in (serving, pruning):
        command.add_argument("--database", help="such as sqlite:///events.db or postgresql://user@host/name")

    registering = commands.add_parser("register", help="have Dialpad send call events to a URL")
    registering.add_argument("--states", default="all", help="comma-separated call states; default all")
    registering.add_argument("--target-type", help="limit to one target: office, callcenter, user …")
    registering.add_argument("--target-id", help="the id of that target")
    registering.add_argument("--group-calls-only", action="store_true", help="only calls to groups")
    registering.add_argument("--secret-file", type=Path, help="instead of EVENT_RECEIVER_SECRET")
    registering.add_argument("--unsigned", action="store_true", help="make a webhook without a secret")
    listing = commands.add_parser("list", help="show webhooks and call subscriptions")
    removing = commands.add_parser("remove", help="remove the subscriptions and the webhook of a URL")
    removing.add_argument("--keep-webhook", action="store_true", help="remove the call subscriptions only")
    for command in (registering, removing):
        command.add_argument("--url", required=True, help="the public URL, such as https://calls.example.com/events")
    for command in (registering, listing, removing):
        command.add_argument("--base-url", default="https://dialpad.com", help="default https://dialpad.com")
        command.add_argument("--api-key-file", type=Path, help="instead of DIALPAD_API_KEY")
    return parser
