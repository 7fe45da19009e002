"""Serve a fake Dialpad on a loopback port: `python -m fake_dialpad --port 8800 --days 90 --seed 7`."""

from __future__ import annotations

import argparse
import sys
import warnings
from typing import TYPE_CHECKING

import jwt

from fake_dialpad.context import SCOPES, Keys
from fake_dialpad.deliveries import Feed
from fake_dialpad.server import FakeDialpad, Server
from fake_dialpad.variants import CHOICES, Variants
from fake_dialpad.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    keys = Keys()
    options = argparse.ArgumentParser(
        "fake_dialpad", description="A Dialpad of an invented company, for development and tests."
    )
    options.add_argument("--port", type=int, default=8800, help="port on localhost; 0: any free one (default 8800)")
    options.add_argument("--days", type=int, default=90, help="days of history before today (default 90)")
    options.add_argument("--seed", type=int, default=7, help="the same seed gives the same company (default 7)")
    options.add_argument("--calls-per-day", type=int, default=400, help="calls on a weekday (default 400)")
    options.add_argument(
        "--messages-per-day", type=int, default=1200, help="digital messages on a weekday (default 1200)"
    )
    options.add_argument("--agents", type=int, default=60, help="users of the company (default 60)")
    options.add_argument("--call-centers", type=int, default=6, help="call centers of the company (default 6)")
    options.add_argument(
        "--edge-cases",
        action="store_true",
        help="calls on the edges of days and of 4 hours, voicemails of 140,000 characters, chats of 11 segments",
    )
    options.add_argument("--export-seconds", type=float, default=18.0, help="how long an export takes (default 18)")
    options.add_argument("--api-key", default=keys.dialpad, help=f"Dialpad company key (default {keys.dialpad})")
    options.add_argument(
        "--user-key", default=keys.dialpad_user, help=f"Dialpad key of one user (default {keys.dialpad_user})"
    )
    options.add_argument(
        "--engagement-key", default=keys.engagement, help=f"Digital Engagement key (default {keys.engagement})"
    )
    options.add_argument("--analytics-key", default=keys.analytics, help=f"Analytics key (default {keys.analytics})")
    options.add_argument(
        "--provider-id", default=keys.provider_id, help=f"Digital Engagement provider (default {keys.provider_id})"
    )
    options.add_argument(
        "--without-scope", action="append", default=[], choices=sorted(SCOPES), help="a scope the Dialpad key lacks"
    )
    options.add_argument(
        "--variant",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="which variant of the API it plays where the documents leave a question open; names: "
        + ", ".join(CHOICES),
    )
    options.add_argument("--deliver", metavar="URL", help="send events of every kind to URL/<kind>, as webhooks would")
    options.add_argument("--deliver-from-now", action="store_true", help="and none of those since yesterday's midnight")
    options.add_argument("--deliver-secret", default="", help="sign them with this secret (default: plain JSON)")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted; one line on standard output says where, once requests are accepted."""
    asked = parser().parse_args(arguments)
    try:
        variants = Variants(**dict(pair.split("=", 1) for pair in asked.variant))
    except (TypeError, ValueError) as error:
        sys.exit(f"fake_dialpad: --variant: {error}")
    world = World(
        asked.seed,
        asked.days,
        asked.calls_per_day,
        messages_per_day=asked.messages_per_day,
        agents=asked.agents,
        call_centers=asked.call_centers,
        edge_cases=asked.edge_cases,
    )
    keys = Keys(asked.api_key, asked.engagement_key, asked.analytics_key, asked.user_key, asked.provider_id)
    fake = FakeDialpad(
        world, export_seconds=asked.export_seconds, keys=keys, variants=variants, missing_scopes=asked.without_scope
    )
    if asked.deliver:
        secret, from_now = asked.deliver_secret, asked.deliver_from_now
        warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)  # whether a secret is too short, a receiver says

        feed = Feed(fake, fake.events.history, asked.deliver, secret, from_now=from_now)
        feed.log = lambda text: print(f"fake_dialpad: {text}", file=sys.stderr, flush=True)
        fake.background(feed.follow)
    Server(fake, asked.port, lambda url: print(f"fake_dialpad: {url}", flush=True)).go()


if __name__ == "__main__":
    main()
