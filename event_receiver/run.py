"""The command `dialpad-event-receiver`: serve, register, list, remove, send-test, prune. Without a command, it serves.

Secrets come from the environment, never from flags, which other users of the machine can read.
"""

import argparse
import contextlib
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

try:
    import jwt
    import requests
    import uvicorn
    from sqlalchemy.exc import OperationalError, SQLAlchemyError

    from event_receiver import logs
    from event_receiver.app import create_app
    from event_receiver.errors import SettingError
    from event_receiver.kinds import KINDS
    from event_receiver.options import COMMANDS, make_parser, read_secret, read_secrets
    from event_receiver.register import Dialpad, DialpadError, Registration, list_all, number
    from event_receiver.store import Store
except ModuleNotFoundError as missing:
    text = (
        f"dialpad-event-receiver: {missing.name} is not installed. In a clone of the project: pip install '.[receiver]'"
    )
    raise SystemExit(text) from missing

LEAST_SECRET_BYTES: Final = 32  # as many as the hash has (RFC 7518, 3.2)
_MICROSECONDS_A_DAY: Final = 86_400_000_000


def run(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Run one command; return the exit status: 0 done, 1 Dialpad or the database refused, 2 a setting is wrong."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or (arguments[0] not in COMMANDS and arguments[0] not in ("-h", "--help")):
        arguments.insert(0, "serve")
    options = make_parser().parse_args(arguments)
    warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)  # `serve` says it once, and with the cure
    commands = {"serve": _serve, "prune": _prune, "send-test": _send_test}
    try:
        commands.get(options.command, _registration)(options, os.environ if environ is None else environ)
    except (SettingError, DialpadError) as error:
        print(f"dialpad-event-receiver: {error}", file=sys.stderr)
        return 2 if isinstance(error, SettingError) else 1
    return 0


def _serve(options: argparse.Namespace, environ: Mapping[str, str]) -> None:
    """Serve until SIGTERM or SIGINT; then finish what has begun."""
    logs.configure(options.log_level)
    secrets = read_secrets(environ)
    read_key = read_secret("EVENT_RECEIVER_READ_KEY", environ)
    os.umask(0o077)  # the database holds people's names and numbers
    with contextlib.closing(_store(options, environ)) as store:
        app = create_app(store, secrets=secrets, read_key=read_key)
        try:
            store.prepare()
        except OperationalError as error:
            if not store.shared:
                raise SettingError(f"Cannot open {store}: {error.orig}.") from error
            # A server that is away may come back, and until then senders get 503; a file will not.
            logs.log(logging.ERROR, "the database does not answer; deliveries get 503 until it does", error=error)
        except SQLAlchemyError as error:
            raise SettingError(f"Cannot create the tables in {store}: {type(error).__name__}.") from error
        if not secrets:
            logs.log(logging.WARNING, "EVENT_RECEIVER_SECRET is not set: anybody who finds the URL can send events")
        if any(len(secret.encode()) < LEAST_SECRET_BYTES for secret in secrets):
            text = (
                f"EVENT_RECEIVER_SECRET is shorter than {LEAST_SECRET_BYTES} bytes, so it can be guessed from one event"
            )
            logs.log(logging.WARNING, f"{text}: make one with `openssl rand -hex 32` and run `register` again")
        if read_key is None:
            logs.log(logging.WARNING, "EVENT_RECEIVER_READ_KEY is not set: GET /events is closed")
        uvicorn.run(
            app,
            host=options.host,
            port=options.port,
            log_config=None,
            access_log=False,
            timeout_keep_alive=75,  # longer than the 60 s after which common load balancers stop using a connection
            timeout_graceful_shutdown=10,
        )


def _prune(options: argparse.Namespace, environ: Mapping[str, str]) -> None:
    with contextlib.closing(_store(options, environ)) as store:
        try:
            removed = store.prune(time.time_ns() // 1000 - int(options.keep_days * _MICROSECONDS_A_DAY))
        except SQLAlchemyError as error:
            text = f"Cannot prune {store}: {type(error).__name__}. What was removed so far stays removed; run it again."
            raise SettingError(text) from error
    print(f"{removed} event{'s' if removed != 1 else ''} removed")


def _send_test(options: argparse.Namespace, environ: Mapping[str, str]) -> None:
    """Send one event as Dialpad would; its member `test` tells it from a real one."""
    secrets = read_secrets(environ)
    url = f"{options.url}/{options.kind}"
    event = {"test": "dialpad-event-receiver send-test", "event_timestamp": time.time_ns() // 1_000_000}
    body = {"data": jwt.encode(event, secrets[0], "HS256")} if secrets else {"json": event}
    content: Any = {}
    try:
        answer = requests.post(url, **body, timeout=10, allow_redirects=False)
        with contextlib.suppress(requests.JSONDecodeError):
            content = answer.json()
    except requests.RequestException as error:
        raise DialpadError(f"POST {url}: no answer ({type(error).__name__}). Check --url and the proxy.") from error
    content = content if isinstance(content, dict) else {}
    if answer.status_code != requests.codes.ok or "event_id" not in content:
        reason = content.get("message") or "The answer is not an event_receiver's. Check --url and the proxy."
        if content.get("error") in ("signature_missing", "signature_wrong"):
            fault = "differs from the receiver's" if secrets else "is not set"
            reason = f"EVENT_RECEIVER_SECRET {fault} in this shell: run `. secrets/receiver.env`, and try again."
        raise DialpadError(f"POST {url}: {answer.status_code}. {reason}")
    print(f"{options.kind} event {content['event_id']} {content['status']}, event_timestamp {event['event_timestamp']}")


def _registration(options: argparse.Namespace, environ: Mapping[str, str]) -> None:
    api_key = read_secret("DIALPAD_API_KEY", environ)
    if not api_key:
        raise SettingError("DIALPAD_API_KEY is not set: a company API key, made under Admin Settings.")
    with contextlib.closing(Dialpad(api_key, options.base_url, dry_run=getattr(options, "dry_run", False))) as dialpad:
        if options.command == "list":
            lines: Iterable[str] = list_all(dialpad)
        elif options.command == "remove":
            kinds = [KINDS[name] for name in options.kinds or KINDS]
            lines = Registration(dialpad, options.url).remove(kinds)
        else:
            lines = _register(dialpad, options, environ)
        for line in lines:
            print(line)


def _register(dialpad: Dialpad, options: argparse.Namespace, environ: Mapping[str, str]) -> Iterable[str]:
    secrets = read_secrets(environ)
    if not secrets:
        raise SettingError(
            "EVENT_RECEIVER_SECRET is not set: the webhooks sign their events with the receiver's secret."
        )
    if not urlsplit(options.url).path.endswith("/events"):
        print("note: the receiver takes events below /events; the URL has another path", file=sys.stderr)
    if bool(options.target_type) != bool(options.target_id):
        raise SettingError("--target-type and --target-id belong together.")
    return Registration(dialpad, options.url).register(_wanted(options), secrets[0], optional=options.kinds is None)


def _wanted(options: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Return the bodies of the subscriptions to make, by kind; SettingError if kinds and target do not fit together."""
    target = {"target_type": options.target_type, "target_id": number(options.target_id)} if options.target_id else {}
    wanted = {}
    for kind in (KINDS[name] for name in options.kinds or KINDS):
        bodies: list[dict[str, Any]] = [{**body, **target} for body in kind.requests]
        if kind.name == "call":
            bodies[0] |= {"call_states": options.states, "group_calls_only": options.group_calls_only}
        if kind.name == "channel":
            if not options.channel_id and options.kinds:
                raise SettingError("A subscription covers one channel: name it with --channel-id.")
            bodies = [{**kind.requests[0], "target_id": number(channel)} for channel in options.channel_id]
        elif target and not kind.targets:
            if options.kinds:
                raise SettingError(f"{kind.name} events come for the whole company only, not for a --target-type.")
            continue
        wanted[kind.name] = bodies
    return wanted


def _store(options: argparse.Namespace, environ: Mapping[str, str]) -> Store:
    database: str = options.database or environ.get("EVENT_RECEIVER_DATABASE", "").strip()
    if not database:
        raise SettingError("No database: give --database sqlite:///events.db, or set EVENT_RECEIVER_DATABASE.")
    return Store(database)
