"""The documentation says what the code does: streams, settings, commands, errors, costs, examples."""

from __future__ import annotations

import argparse
import ast
import json
import re
from datetime import date, timedelta
from functools import cache
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from airbyte_cdk.models import AirbyteStateMessageSerializer, ConfiguredAirbyteCatalogSerializer
from airbyte_cdk.sources.declarative.interpolation.interpolated_nested_mapping import InterpolatedNestedMapping

import doctor.__main__
import fake_dialpad.__main__
import warehouse.__main__
from event_receiver.options import make_parser
from source_dialpad.config import CheckedConfig
from source_dialpad.manifest import composed_manifest
from source_dialpad.source import PLANNERS, resolved_manifest
from source_dialpad.stats import jobs, quota
from source_dialpad.sync.windows import Grain, day_windows
from unit_tests import stream_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
DOCS = ROOT / "docs"
CONFIGURATION = DOCS / "configuration.md"
USERS_PAGE = DOCS / "integrations" / "sources" / "dialpad.md"
API_PAGES = [DOCS / f"{api}.md" for api in ("engagement", "stats", "analytics", "conversations", "directory", "events")]
PAGES = [README, *sorted(DOCS.rglob("*.md"))]


def names(pages: list[Path]) -> list[str]:
    return [str(page.relative_to(ROOT)) for page in pages]


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


# --- what the code says -----------------------------------------------------------------------------------------------


@cache
def manifest() -> dict[str, Any]:
    return composed_manifest()


@cache
def streams() -> dict[str, dict[str, Any]]:
    return {stream["name"]: stream for group in resolved_manifest()["streams"] for stream in group["streams"]}


def spec() -> dict[str, Any]:
    specification: dict[str, Any] = manifest()["spec"]["connection_specification"]
    return specification


def settings() -> dict[str, dict[str, Any]]:
    """Every setting by its dotted name, sections left out."""
    found = {}
    for name, setting in spec()["properties"].items():
        members = setting.get("properties")
        found.update({f"{name}.{member}": of for member, of in members.items()} if members else {name: setting})
    return found


# --- what the pages say -----------------------------------------------------------------------------------------------


def rows(page: Path, *header: str) -> list[list[str]]:
    """The cells of every row of the tables whose header begins with these words."""
    found: list[list[str]] = []
    inside = False
    for line in read(page).splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            inside = False
        elif inside and not set(line) <= set("|-: "):
            found.append(cells)
        elif cells[: len(header)] == list(header):
            inside = True
    assert found, f"{page.name} has no table that begins with {header}"
    return found


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def headings(page: Path) -> list[str]:
    text = re.sub(r"^```.*?^```", "", read(page), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"^(#{1,4} .+)$", text, re.MULTILINE)


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", read(page), re.DOTALL | re.MULTILINE)


PROGRAMS = ("make", "docker", "python", "source-dialpad", "source-declarative-manifest", "dialpad-event-receiver")


def shell(page: Path) -> list[str]:
    """The commands of indented blocks, continuation lines joined."""
    join_url = re.sub(r"\\\n\s+", "", read(page))
    return re.findall(rf"^    (?:\$ )?((?:[A-Z_]+=\S+ )*(?:{'|'.join(PROGRAMS)}) .*)$", join_url, re.MULTILINE)


# --- streams ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", names(list(stream_tables.TABLES)))
def test_the_table_of_streams_is_that_of_the_manifest_and_the_schemas(page: str) -> None:
    assert read(ROOT / page) == stream_tables.renewed(ROOT / page), "run make tables"


@pytest.mark.parametrize("page", names(API_PAGES[:5]))
def test_the_table_of_an_api_holds_the_keys_and_cursors_of_its_streams(page: str) -> None:
    for row in rows(ROOT / page, "stream"):
        stream = streams()[code(row[0])[0]]
        cursor = stream_tables.cursor_of(stream)
        assert (code(row[-2]), code(row[-1])) == (stream["primary_key"], code(f"`{cursor}`")), row[0]


def test_every_stream_has_a_row_and_a_section_on_a_page() -> None:
    """Those of events have a word each: they share their sections."""
    by_api = stream_tables.streams_by_api()
    events = [stream["name"] for stream in by_api.pop("events")]
    assert [name for name in events if f"`{name}`" not in read(DOCS / "events.md")] == [], "name each in docs/events.md"
    own = [stream["name"] for listed in by_api.values() for stream in listed]
    in_tables = {code(row[0])[0] for page in API_PAGES[:5] for row in rows(page, "stream")}
    assert [name for name in own if name not in in_tables] == [], "give each a row in the table of the page of its API"
    sections = {heading for page in API_PAGES[:5] for heading in headings(page)}
    silent = [f"### {name}" for name in own if f"### {name}" not in sections]
    assert silent == [], "write each section on the page of its API"


def test_every_stream_that_is_a_heading_exists() -> None:
    named = [
        heading[4:] for page in API_PAGES for heading in headings(page) if re.fullmatch(r"### [a-z]+_[a-z_]+", heading)
    ]
    assert len(named) > 30
    assert not [name for name in named if name not in streams()]


# --- settings ---------------------------------------------------------------------------------------------------------


def documented_settings() -> dict[str, str]:
    """The second column of the configuration's table, by setting."""
    return {code(row[0])[0]: row[1].replace("`", "") for row in rows(CONFIGURATION, "setting")}


def test_every_setting_is_described() -> None:
    assert sorted(documented_settings()) == sorted(settings())


def test_defaults_values_and_ranges_are_those_of_the_form() -> None:
    wrong = []
    for name, described in documented_settings().items():
        setting = settings()[name]
        default = setting.get("default", "")
        wanted = ["empty" if default == [] else str(default), *setting.get("enum", ())]
        if "minimum" in setting:
            wanted.append(f"{setting['minimum']} to {setting['maximum']}, ")
        if setting.get("airbyte_secret"):
            wanted.append("secret")
        wrong += [(name, word) for word in wanted if word not in described]
    assert not wrong


def test_the_users_page_walks_through_every_field_of_the_form() -> None:
    text = read(USERS_PAGE)
    fields = [f"**{setting['title']}** (`{name}`)" for name, setting in settings().items()]
    assert not [field for field in fields if field not in text]


# --- commands ---------------------------------------------------------------------------------------------------------


def flags(parser: argparse.ArgumentParser) -> set[str]:
    found: set[str] = set()
    for action in parser._actions:
        found.update(option for option in action.option_strings if option.startswith("--"))
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                found |= {name} | flags(command)
    return found - {"--help"}


def warehouse_flags(capsys: pytest.CaptureFixture[str]) -> set[str]:
    with pytest.raises(SystemExit):
        warehouse.__main__.arguments(["--help"])
    return set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}


def doctor_flags(capsys: pytest.CaptureFixture[str]) -> set[str]:
    with pytest.raises(SystemExit):
        doctor.__main__.arguments(["--help"])
    return set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}


def mentioned(word: str, text: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def test_every_command_and_flag_of_the_event_receiver_is_on_its_page() -> None:
    found = flags(make_parser()) - {"serve"}  # the command that needs no name
    assert {"register", "--database"} <= found
    assert not {word for word in found if not mentioned(word, read(DOCS / "events.md"))}


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", read(ROOT / "Makefile"), re.MULTILINE))


def test_every_make_in_the_pages_is_a_target() -> None:
    named = {target for page in PAGES for target in re.findall(r"[`$] ?make ([a-z-]+)", read(page))}
    assert named <= make_targets()


def test_every_flag_of_a_command_in_the_pages_exists(capsys: pytest.CaptureFixture[str]) -> None:
    protocol = {"--config", "--catalog", "--state", "--manifest-path"}
    known = {
        "docker": protocol | {"--rm", "--build-arg"},
        "source-dialpad": protocol,
        "source-declarative-manifest": protocol,
        "dialpad-event-receiver": flags(make_parser()),
        "python -m fake_dialpad": flags(fake_dialpad.__main__.parser()),
        "python -m warehouse": warehouse_flags(capsys),
        "python -m doctor": doctor_flags(capsys),
    }
    commands = [command for page in PAGES for command in shell(page)]
    commands += [command for page in PAGES for command in re.findall(r"`(python -m [^`]+)`", read(page))]
    checked = 0
    for command in commands:
        words = re.sub(r"^(?:[A-Z_]+=\S+ )*", "", command)
        for program, takes in known.items():
            if words.startswith(program):
                checked += 1
                assert set(re.findall(r"(?<!\S)--[a-z-]+", words)) - {"--help"} <= takes, command
    assert checked > 10


def test_the_four_commands_of_the_connector_are_shown_with_docker() -> None:
    commands = " ".join(command for command in shell(DOCS / "running.md") if command.startswith("docker run"))
    assert re.findall(r":0\.1\.0 (\w+)", commands) == ["spec", "check", "discover", "read"]


def test_the_image_is_named_as_the_metadata_names_it() -> None:
    metadata = yaml.safe_load(read(ROOT / "metadata.yaml"))["data"]
    image = f"{metadata['dockerRepository']}:{metadata['dockerImageTag']}"
    named = {name for page in PAGES for name in re.findall(r"(?<![\w/.])airbyte/source-dialpad:[\d.]+\d", read(page))}
    assert named == {image}


def test_every_line_that_installs_the_package_works_from_a_clone() -> None:
    lines = [line for page in PAGES for line in re.findall(r"^    (pip install .*)$", read(page), re.MULTILINE)]
    assert {"pip install .", "pip install '.[receiver]'"} <= set(lines)
    setup = read(ROOT / "setup.py")
    for line in lines:
        match = re.fullmatch(r"pip install '?\.(?:\[(\w+)\])?'?", line)
        assert match, f"{line}: nothing is published yet, so install from the clone"
        assert not match[1] or f'"{match[1]}": ' in setup, f"{line}: no such extra in setup.py"


def test_every_example_of_one_test_in_contributing_runs_at_least_one() -> None:
    examples = re.findall(r"^    \.venv/bin/python -m pytest -q (.+?)(?: -k (\w+))?$", read(CONTRIBUTING), re.MULTILINE)
    assert examples
    for paths, word in examples:
        for path in (ROOT / path for path in paths.split()):
            assert path.exists(), path
            text = "".join(map(read, [path] if path.is_file() else path.glob("**/test_*.py")))
            assert re.search(rf"^def test_\w*{word}", text, re.MULTILINE), f"{path.name} has no test for {word or 'it'}"


# --- links ------------------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    texts = [heading.lstrip("#").strip().lower() for heading in headings(page)]
    return {re.sub(r"[^\w\- ]", "", text).replace(" ", "-") for text in texts}


@pytest.mark.parametrize("page", names(PAGES))
def test_every_link_inside_the_repository_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", read(ROOT / page)):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        there = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def test_the_users_page_has_no_link_into_the_repository() -> None:
    """The catalog publishes the page alone."""
    assert not [
        link for link in re.findall(r"\]\(([^)]+)\)", read(USERS_PAGE)) if not link.startswith(("https://", "#"))
    ]


def test_the_readme_fits_two_screens() -> None:
    assert len(read(README).encode()) <= 9_500


def test_the_readme_links_every_page() -> None:
    linked = {(ROOT / target.partition("#")[0]).resolve() for target in re.findall(r"\]\((docs/[^)]+)\)", read(README))}
    assert set(PAGES[1:]) <= linked


@pytest.mark.parametrize("page", [*names(PAGES), "CHANGELOG.md"])
def test_a_plain_http_address_is_on_this_machine_and_spelled_localhost(page: str) -> None:
    assert not re.findall(r"http://(?!localhost|json-schema\.org)\S*", read(ROOT / page))


# --- examples ---------------------------------------------------------------------------------------------------------

JSON_BLOCKS = [(page, number) for page in PAGES for number, _ in enumerate(blocks(page, "json"))]


@pytest.mark.parametrize(("page", "number"), JSON_BLOCKS)
def test_an_example_in_json_is_one_that_the_connector_takes(page: Path, number: int) -> None:
    example = json.loads(blocks(page, "json")[number])
    if isinstance(example, list):
        for state in example:
            loaded = AirbyteStateMessageSerializer.load(state)
            assert loaded.stream
            assert loaded.stream.stream_descriptor.name in streams()
    elif "streams" in example:
        for configured in ConfiguredAirbyteCatalogSerializer.load(example).streams:
            assert configured.stream.name in streams()
    else:
        CheckedConfig({"properties": spec()["properties"]}).transform(example)


def test_the_example_of_the_configuration_has_every_setting() -> None:
    example = json.loads(blocks(CONFIGURATION, "json")[0])
    shown = [
        f"{name}.{member}" if isinstance(value, dict) else name
        for name, value in example.items()
        for member in (value if isinstance(value, dict) else [""])
    ]
    assert sorted(shown) == sorted(settings())


def written_state(name: str) -> dict[str, Any]:
    """A cursor as the stream writes it, from the manifest's own windows."""
    config = {
        "start_date": "2026-09-01",
        "timezone": "UTC",
        "lookback_days": 3,
        "dialpad": {"export_window_days": 30, "aggregate_window": "day"},
        "analytics": {"grain": "day", "filters": []},
    }
    sync = streams()[name]["incremental_sync"]
    windows = dict(InterpolatedNestedMapping(mapping=sync["$parameters"]["windows"], parameters={}).eval(config))
    kind = PLANNERS[windows.pop("kind")]
    return kind(stream=name, cursor_field=stream_tables.cursor_of(streams()[name]), **windows).cursor("…")


def shown_states(page: Path) -> list[dict[str, Any]]:
    """The states a page shows as indented JSON, those of partitions by their cursors."""
    found = []
    for block in re.findall(r"(?:^    .*\n)+", read(page), re.MULTILINE):
        if '"since"' in block:
            example = json.loads(block)
            found += [each["cursor"] for each in example["states"]] if "states" in example else [example]
    return found


@pytest.mark.parametrize("page", names(API_PAGES))
def test_a_state_that_a_page_shows_has_the_members_a_stream_writes(page: str) -> None:
    written = [list(written_state(name)) for name, stream in streams().items() if "incremental_sync" in stream]
    examples = shown_states(ROOT / page)
    assert examples
    assert not [example for example in examples if list(example) not in written]


@pytest.mark.parametrize(
    ("page", "number"), [(page, number) for page in PAGES for number, _ in enumerate(blocks(page, "python"))]
)
def test_an_example_in_python_compiles(page: Path, number: int) -> None:
    assert compile(blocks(page, "python")[number], str(page), "exec")


def test_the_example_that_writes_the_manifest_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = [block for block in blocks(DOCS / "running.md", "python") if "composed_manifest" in block]
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "running.md", "exec"), {})  # noqa: S102  # the example under test
    assert json.loads((tmp_path / "manifest.json").read_text()) == manifest()


# --- errors -----------------------------------------------------------------------------------------------------------


def spoken() -> Iterator[str]:
    """Every text the connector can say, values left out."""
    for path in (ROOT / "source_dialpad").rglob("*.py"):
        for node in ast.walk(ast.parse(read(path))):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
                yield "".join(str(part) for part in parts)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.sub(r"%(?:\d+)?[sd]", "…", node.value)
    yield from re.findall(
        r"error_message: >?-?\s*(.*?)\n\s+(?:-|[a-z_]+:)", read(ROOT / "source_dialpad/manifest.yaml"), re.DOTALL
    )


def test_every_message_of_the_troubleshooting_is_one_the_connector_says() -> None:
    texts = "\n".join(" ".join(text.split()) for text in spoken())
    quoted = [code(row[0])[0] for row in rows(USERS_PAGE, "message", "what to do")]
    assert len(quoted) > 40
    unknown = []
    for message in quoted:
        parts = [re.escape(part.strip()) for part in message.split("…")]
        if not re.search(r"[^\n]{0,60}?".join(parts), texts):
            unknown.append(message)
    assert not unknown


# --- figures ----------------------------------------------------------------------------------------------------------

TODAY = date(2026, 11, 20)


def posts(setting: str, value: str) -> int:
    """POSTs of a year, of a stream and scope: closed windows, and today where it is asked for by itself."""
    first, yesterday = TODAY - timedelta(days=365), TODAY - timedelta(days=1)
    if setting == "export_window_days":
        return len(list(day_windows(first, yesterday, int(value)))) + 1
    grain: Grain = {"day": "day", "week": "week", "month": "month"}[value]  # type: ignore[assignment]
    return sum(window.first < TODAY or grain == "day" for window in day_windows(first, TODAY, grain))


def test_the_posts_of_a_year_are_those_that_the_windows_give() -> None:
    for row in rows(USERS_PAGE, "window", "POSTs per stream and scope"):
        setting, value = code(row[0])[0], row[0].split()[-1]
        assert int(row[1]) == posts(setting, value), row


def test_the_costs_of_a_year_follow_from_the_posts() -> None:
    call_centers, offices = 20, 3
    for days, window, shown, hours in rows(USERS_PAGE, "`export_window_days`"):
        records, figures = posts("export_window_days", days), posts("aggregate_window", window)
        total = 7 * records + 2 * call_centers * records + 6 * figures + offices * figures
        grain, share = {"day": 1, "week": 7, "month": 30}[window], quota.POSTS_AN_HOUR
        new = 2 * (7 + 2 * call_centers) + (6 + offices) * (ceil(3 / grain) + 1)
        at_best = 1 + ceil((total - share) / (share - new))
        assert (shown, int(hours)) == (f"{total:,}", ceil(at_best * 4 / 3)), days  # a third more: docs/performance.md


def test_the_limits_in_the_pages_are_those_of_the_code() -> None:
    text = " ".join(read(DOCS / "stats.md").split())
    assert f"At most {quota.POSTS_AN_HOUR} POSTs in any hour" in text
    assert f"First poll {jobs.FIRST_POLL:.0f} s after the POST, then every {jobs.POLL_EVERY:.0f} s" in text
    assert f"after the first minute every {jobs.POLL_EVERY_LATER:.0f} s" in text
    assert f"After {jobs.TIME_LIMIT / 60:.0f} minutes the window fails" in text
    assert f"waited out for up to {jobs.RATE_LIMIT_PATIENCE / 60:.0f} minutes" in text
    assert f"started again after {jobs.PAUSE_AFTER_FAILURE:.0f} s" in text
    assert f"A POST within {jobs.MIDNIGHT_MARGIN.total_seconds():.0f} s before midnight" in text


def test_the_limits_of_the_apis_are_those_of_the_budget() -> None:
    budget = {
        policy["matchers"][0]["url_path_pattern"]: [(rate["limit"], rate["interval"]) for rate in policy["rates"]]
        for policy in manifest()["api_budget"]["policies"]
    }
    shown = {row[0]: row[2] for row in rows(USERS_PAGE, "limit", "of the API")}
    a_minute = next(limit for limit, interval in budget["^/api/v2/digital/"] if interval == "PT1M")
    assert shown["digital sessions"] == f"{a_minute} a minute"
    a_second = next(limit for limit, interval in budget["^/api/v2/"] if interval == "PT1S")
    assert shown["Dialpad API, everything"] == f"{a_second} a second"
    (limit, interval), *_ = budget["^/v1/analytics/"]
    assert shown["Analytics API"] == f"{limit} in {interval[2:-1]} s"
    assert shown["Digital Engagement"] == f"{budget['/Dashboard/'][0][0]} a second"
