"""The stream tables of README.md and the user's page, made from the manifest and the schemas.

`make tables` writes them, and the recorded files of the platform's suite; a test fails when they are out of date.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from source_dialpad.manifest import composed_manifest

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- the streams begin -->\n", "<!-- the streams end -->\n"
APIS = ("engagement", "stats", "analytics", "conversations", "directory", "events")
"""The groups of the manifest's streams, in its order."""


def streams_by_api() -> dict[str, list[dict[str, Any]]]:
    """The streams of each API, each with the members of its family."""
    manifest = composed_manifest()

    def whole(member: dict[str, Any]) -> dict[str, Any]:
        family = member.get("$ref", "").rpartition("/")[2]
        return {**(whole(manifest["definitions"][family]) if family else {}), **member}

    groups = [[whole(stream) for stream in group["streams"]] for group in manifest["streams"]]
    return dict(zip(APIS, groups, strict=True))


def cursor_of(stream: dict[str, Any]) -> str:
    """The cursor field; empty where the stream has none."""
    sync = stream.get("incremental_sync")
    return str(sync.get("cursor_field") or stream["$parameters"]["cursor_field"]) if sync else ""


def each_record_is(name: str) -> str:
    """What a record of the stream is, from the first words of its schema's description."""
    description = composed_manifest()["schemas"][name]["description"]
    match = re.match(r"Each record is (.+?)(?:[.:;]|$)", description)
    assert match, f"the description of schemas/{name}.json does not begin with: Each record is"
    return match[1]


def readme_table() -> str:
    """One line an API: how many streams, and their names."""
    lines = ["| API | streams |", "|---|---|"]
    for api, streams in streams_by_api().items():
        names = ", ".join(f"`{stream['name']}`" for stream in streams)
        lines.append(f"| [{api}](docs/{api}.md) ({len(streams)}) | {names} |")
    return "\n".join(lines) + "\n"


def users_table() -> str:
    """One line a stream."""
    lines = ["| stream | API | each record is | primary key | cursor |", "|---|---|---|---|---|"]
    for api, streams in streams_by_api().items():
        for stream in streams:
            key = ", ".join(f"`{column}`" for column in stream["primary_key"])
            cursor = cursor_of(stream)
            cells = [f"`{stream['name']}`", api, each_record_is(stream["name"]), key, cursor and f"`{cursor}`"]
            lines.append(f"| {' | '.join(cells)} |".replace("|  |", "| |"))
    return "\n".join(lines) + "\n"


TABLES = {ROOT / "README.md": readme_table, ROOT / "docs/integrations/sources/dialpad.md": users_table}


def renewed(page: Path) -> str:
    """The page with the table that follows from the manifest."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{TABLES[page]()}{END}{after}"


if __name__ == "__main__":
    for path in TABLES:
        path.write_text(renewed(path), encoding="utf-8")
