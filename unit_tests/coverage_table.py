"""docs/coverage.md: every GET of Dialpad's API v2, and the stream that reads it or the reason why none does.

What is read follows from the manifest; what is not stands here. `make tables` writes the page; tests hold it to the
paths of the API's own document (api_v2.json) and to the requests that a sync sends.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from unit_tests.stream_tables import BEGIN, END, streams_by_api

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/coverage.md"
DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parent / "api_v2.json").read_text(encoding="utf-8"))
KINDS = ("agent_status", "call", "changelog", "channel", "contact", "fax", "sms")

ODD = {
    "call_recaps": ["call/{id}/ai_recap"],
    "call_transcripts": ["transcripts/{call_id}"],
    "custom_ivrs": ["customivrs"],
    "desk_phones": ["rooms/{parent_id}/deskphones", "users/{parent_id}/deskphones"],
    "event_subscriptions": [f"subscriptions/{kind}" for kind in KINDS],
    "operator_skills": ["callcenters/{call_center_id}/operators/{user_id}/skill"],
    "scorecard_answers": ["scorecards/export/{id}"],
    "scorecard_grades": ["scorecards/export/{id}"],
    "scorecards": ["scorecards"],
    "sms_opt_outs": ["company/{id}/smsoptout"],
    "user_devices": ["userdevices"],
}
"""The paths of the streams whose parameters in the manifest do not say them."""

SAME = {
    "offices/primary": "offices",
    "offices/{office_id}/callcenters": "call_centers",
    "offices/{office_id}/departments": "departments",
    "offices/{office_id}/teams": "coaching_teams",
}
"""The stream that holds the same objects already, where the path is not that of a list that is read, and an id."""

LEFT_OUT = {
    "/oauth2/authorize": "The page on which a person signs in.",
    "agent-groups/{id}": "There is no list to take the ids from; the groups' names are in `digital_sessions`.",
    "app/settings": "Settings of the app behind the key, not of the company.",
    "call/{id}/assigned": "Who is being rung for a call that waits at this moment; there is no history of it.",
    "callcenters/operators/{id}/dutystatus": "The status of one operator at this moment, which is for a wallboard. "
    "The history is in `records_onduty`, the last status in `users`.",
    "callcenters/{id}/status": "The queue of one call center at this moment, which is for a wallboard.",
    "callreviewsharelink/{id}": "Links are in no list, and to have one it must be made, which a source does not do.",
    "meetings": "Scheduled meetings come with the PINs to join them. Those that took place are in `meetings`.",
    "meetings/{scheduled_conference_id}": "As `meetings`: it holds PINs.",
    "message/bulk": "The bulk messages of the user who asks, and of nobody else.",
    "message/bulk/{id}": "As `message/bulk`.",
    "message/schedule": "The messages that the user who asks has not sent yet, and nobody else's.",
    "message/schedule/{id}": "As `message/schedule`.",
    "offices/{id}/e911": "The address that an emergency call gives. It is needed in Dialpad and nowhere else.",
    "recordingsharelink/{id}": "As `callreviewsharelink/{id}`; making one would open a recording to the public.",
    "transcripts/{call_id}/url": "The address of a page for people who sign in. The text is in `call_transcripts`.",
    "users/{id}/e911": "The address that an emergency call gives: where people live.",
    "websockets": "The address of a websocket is an access to the company's events.",
    "websockets/{id}": "As `websockets`.",
}
"""Why no stream reads it."""


def read_paths() -> dict[str, list[str]]:
    """The paths that are read, each with its streams."""
    streams = streams_by_api()
    paths = {stream["name"]: ["stats/{id}"] for stream in streams["stats"]}
    paths |= {stream["name"]: paths_of(stream) for api in ("conversations", "directory") for stream in streams[api]}
    readers: dict[str, list[str]] = {}
    for name, own in paths.items():
        for path in own:
            readers.setdefault(path, []).append(name)
    return readers


def paths_of(stream: dict[str, Any]) -> list[str]:
    """The paths of a list: as the manifest's parameters say, `<list>` or `<list>/<id>/<members>`."""
    if stream["name"] in ODD:
        return ODD[stream["name"]]
    parameters = stream["$parameters"]
    form = re.escape(parameters["list"])
    if "partition_field" in parameters:
        form += r"/\{[^}]+\}/" + re.escape(parameters["members"])
    return [path for path in DOCUMENT["gets"] if re.fullmatch(form, path)]


def same_objects() -> dict[str, str]:
    """The paths whose objects a stream has already: one object by its id, of a list that is read, and SAME."""
    read = read_paths()
    lists = {path: re.fullmatch(r"(.+)/\{\w+\}", path) for path in DOCUMENT["gets"] if path not in {*read, *LEFT_OUT}}
    by_id = {path: read[form[1]][0] for path, form in lists.items() if form and form[1] in read}
    return {**by_id, **SAME}


def not_read_yet() -> set[str]:
    """The paths of the API's document that are in no table."""
    return set(DOCUMENT["gets"]) - {*read_paths(), *same_objects(), *LEFT_OUT}


def tables() -> str:
    """The page between its marks."""
    read, same = read_paths(), same_objects()
    left_out = {**LEFT_OUT, **dict.fromkeys(not_read_yet(), "Not read yet.")}
    counts = (
        f"Of {len(DOCUMENT['gets'])} GETs, {len(read)} are read by streams, {len(same)} give objects that a stream "
        f"already has from a list, and {len(left_out)} are left out."
    )
    lines = [
        counts,
        "",
        *_table("Read", "stream", {path: _code(streams) for path, streams in read.items()}),
        *_table("The same objects once more", "already in", {path: _code([name]) for path, name in same.items()}),
        *_table("Left out", "reason", left_out),
    ]
    return "\n".join(lines[:-1]) + "\n"


def _code(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(title: str, column: str, cells: dict[str, str]) -> list[str]:
    rows = [f"| `{path}` | {cells[path]} |" for path in sorted(cells)]
    return [f"## {title}", "", f"| path | {column} |", "|---|---|", *rows, ""]


def renewed() -> str:
    """The page as the table says it."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    return f"{before}{BEGIN}{tables()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(renewed(), encoding="utf-8")
