"""The documentation says what the code does: streams, settings, commands, errors, costs, examples."""

from __future__ import annotations

import argparse
import ast
import json
import re
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from airbyte_cdk.models import AirbyteStateMessageSerializer, ConfiguredAirbyteCatalogSerializer
from airbyte_cdk.sources.declarative.interpolation.interpolated_nested_mapping import InterpolatedNestedMapping

import event_receiver.run
import fake_dialpad.__main__
import warehouse.__main__
from source_dialpad.config import CheckedConfig
from source_dialpad.manifest import composed_manifest
from source_dialpad.source import PLANNERS, resolved_manifest
from source_dialpad.stats import jobs, quota
from source_dialpad.sync.windows import Grain, calendar_windows, day_windows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
USERS_PAGE = DOCS / "integrations" / "sources" / "dialpad.md"
API_PAGES = [DOCS / f"{api}.md" for api in ("engagement", "stats", "analytics", "directory", "events")]
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


def cursor_of(stream: Mapping[str, Any]) -> str:
    sync = stream.get("incremental_sync")
    if sync is None:
        return ""
    cursor: str = sync.get("cursor_field") or stream["$parameters"]["cursor_field"]
    return cursor


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


def test_the_table_of_the_readme_holds_the_streams_of_the_manifest_with_their_keys_and_cursors() -> None:
    redact_url = [(code(row[1])[0], code(row[3]), code(row[4])) for row in rows(README, "API", "stream")]
    assert redact_url == [
        (name, stream["primary_key"], [cursor_of(stream)] if cursor_of(stream) else [])
        for name, stream in streams().items()
    ]


def test_the_readme_says_which_streams_are_incremental() -> None:
    for row in rows(README, "API", "stream"):
        assert row[4].startswith("incremental, " if cursor_of(streams()[code(row[1])[0]]) else "full refresh"), row


def test_the_users_page_holds_the_streams_of_the_manifest_with_keys_cursors_and_sync_modes() -> None:
    redact_url = [(code(row[0])[0], code(row[2]), code(row[3]), row[4]) for row in rows(USERS_PAGE, "stream", "API")]
    assert redact_url == [
        (
            name,
            stream["primary_key"],
            [cursor_of(stream)] if cursor_of(stream) else [],
            "full refresh, incremental" if cursor_of(stream) else "full refresh",
        )
        for name, stream in streams().items()
    ]


@pytest.mark.parametrize("page", names(API_PAGES[:4]))
def test_the_table_of_an_api_holds_the_keys_and_cursors_of_its_streams(page: str) -> None:
    for row in rows(ROOT / page, "stream"):
        stream = streams()[code(row[0])[0]]
        assert (code(row[-2]), code(row[-1])) == (stream["primary_key"], code(f"`{cursor_of(stream)}`")), row[0]


def test_every_stream_is_a_heading_of_one_api_and_every_such_heading_a_stream() -> None:
    redact_url = [
        heading[4:] for page in API_PAGES for heading in headings(page) if re.fullmatch(r"### [a-z_]+", heading)
    ]
    assert sorted(redact_url) == sorted(streams())


# --- settings ---------------------------------------------------------------------------------------------------------


def test_the_readme_describes_every_setting_and_no_other() -> None:
    assert [code(row[0])[0] for row in rows(README, "setting")] == list(settings())


def test_the_readme_says_the_default_of_every_setting() -> None:
    for row in rows(README, "setting"):
        setting = settings()[code(row[0])[0]]
        default = setting.get("default")
        wanted = "empty" if default == [] else str(default) if "default" in setting else ""
        assert wanted in row[1].replace("`", ""), row


def test_the_readme_says_the_values_and_the_range_of_every_setting() -> None:
    for row in rows(README, "setting"):
        setting = settings()[code(row[0])[0]]
        for value in setting.get("enum", ()):
            assert f"`{value}`" in row[1], row
        if "minimum" in setting:
            assert row[1].startswith(f"{setting['minimum']} to {setting['maximum']}, "), row


def test_the_readme_says_which_settings_are_required_and_secret() -> None:
    required = {
        f"{name}.{member}" for name, section in spec()["properties"].items() for member in section.get("required", ())
    }
    redact_url = {code(row[0])[0]: row[1] for row in rows(README, "setting")}
    assert {name for name, text in redact_url.items() if text.startswith("required")} == required
    assert {name for name, text in redact_url.items() if text.endswith("secret")} == {
        name for name, setting in settings().items() if setting.get("airbyte_secret")
    }


def test_the_users_page_gives_the_title_of_every_section_and_setting() -> None:
    titles = []
    for name, setting in spec()["properties"].items():
        titles.append((setting["title"], name))
        titles += [(of["title"], f"{name}.{member}") for member, of in setting.get("properties", {}).items()]
    assert [(row[0], code(row[1])[0]) for row in rows(USERS_PAGE, "title", "key")] == titles


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


def mentioned(word: str, text: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def test_every_flag_of_fake_dialpad_is_in_the_readme() -> None:
    assert not {flag for flag in flags(fake_dialpad.__main__.parser()) if not mentioned(flag, read(README))}


def test_every_flag_of_the_warehouse_is_in_the_readme(capsys: pytest.CaptureFixture[str]) -> None:
    found = warehouse_flags(capsys)
    assert {"--config", "--into"} <= found
    assert not {flag for flag in found if not mentioned(flag, read(README))}


def test_every_command_and_flag_of_the_event_receiver_is_on_its_page() -> None:
    found = flags(event_receiver.run._parser()) - {"serve"}  # the command that needs no name
    assert {"register", "--database"} <= found
    assert not {word for word in found if not mentioned(word, read(DOCS / "events.md"))}


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", read(ROOT / "Makefile"), re.MULTILINE))


def test_every_target_of_make_is_in_the_readme() -> None:
    targets = make_targets()
    assert {"sync", "test"} <= targets
    assert not {target for target in targets if not mentioned(f"make {target}", read(README))}


def test_every_make_in_the_pages_is_a_target() -> None:
    named = {target for page in PAGES for target in re.findall(r"[`$] ?make ([a-z-]+)", read(page))}
    assert named <= make_targets()


def test_every_variable_of_make_sync_in_the_readme_is_one_of_the_makefile() -> None:
    named = set(re.findall(r"\b([A-Z]+)=", " ".join(re.findall(r"make sync[^`]*|`[A-Z]+=[^`]*`", read(README)))))
    assert {"CONFIG", "WAREHOUSE"} <= named
    assert not {name for name in named if f"$({name})" not in read(ROOT / "Makefile")}


def test_every_flag_of_a_command_in_the_pages_exists(capsys: pytest.CaptureFixture[str]) -> None:
    protocol = {"--config", "--catalog", "--state", "--manifest-path"}
    known = {
        "docker": protocol | {"--rm", "--build-arg"},
        "source-dialpad": protocol,
        "source-declarative-manifest": protocol,
        "dialpad-event-receiver": flags(event_receiver.run._parser()),
        "python -m fake_dialpad": flags(fake_dialpad.__main__.parser()),
        "python -m warehouse": warehouse_flags(capsys),
    }
    commands = [command for page in PAGES for command in shell(page)]
    commands += [command for page in PAGES for command in re.findall(r"`(python -m [^`]+)`", read(page))]
    checked = 0
    for command in commands:
        words = re.sub(r"^(?:[A-Z_]+=\S+ )*", "", command)
        for program, takes in known.items():
            if words.startswith(program):
                checked += 1
                assert set(re.findall(r"(?<!\S)--[a-z-]+", words)) <= takes, command
    assert checked > 10


def test_the_four_commands_of_the_connector_are_shown_with_docker() -> None:
    commands = " ".join(command for command in shell(README) if command.startswith("docker run"))
    assert re.findall(r":0\.1\.0 (\w+)", commands) == ["spec", "check", "discover", "read"]


def test_the_image_is_named_as_the_metadata_names_it() -> None:
    metadata = yaml.safe_load(read(ROOT / "metadata.yaml"))["data"]
    image = f"{metadata['dockerRepository']}:{metadata['dockerImageTag']}"
    assert set(re.findall(r"airbyte/source-dialpad\S*?:[\d.]+\d", read(README))) == {image}


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


def test_the_readme_links_every_page() -> None:
    linked = {(ROOT / target.partition("#")[0]).resolve() for target in re.findall(r"\]\((docs/[^)]+)\)", read(README))}
    assert set(PAGES[1:]) <= linked


@pytest.mark.parametrize("page", [*names(PAGES), "CHANGELOG.md"])
def test_a_plain_http_address_is_on_this_machine_and_spelled_localhost(page: str) -> None:
    assert not re.findall(r"http://(?!localhost|json-schema\.org)\S*", read(ROOT / page))


# --- the catalogue's template -----------------------------------------------------------------------------------------

OWN = object()
CLOUD, OPEN_SOURCE = "### For Airbyte Cloud:", "### For Airbyte Open Source:"
TEMPLATE = [
    ("# Dialpad", True),
    ("## Prerequisites", True),
    ("## Setup guide", True),
    ("## Set up Dialpad", True),
    (CLOUD, False),
    (OPEN_SOURCE, False),
    (OWN, False),
    ("## Set up the Dialpad connector in Airbyte", False),
    (CLOUD, False),
    (OPEN_SOURCE, False),
    (OWN, False),
    ("## Supported sync modes", True),
    ("## Supported Streams", True),
    (OWN, False),
    ("## IP allow list", True),
    ("### Performance considerations", False),
    ("## Data type map", False),
    ("## Limitations & Troubleshooting", False),
    (OWN, False),
    ("### Tutorials", False),
    ("## Changelog", True),
]
"""The headings in the order the catalogue wants, and whether each is a must; OWN is room for any others."""


def out_of_order(found: list[str]) -> str | None:
    """The first heading that stands where the template has no room for it, or that is missing."""
    fixed = {heading for heading, _ in TEMPLATE}
    left = list(found)
    for heading, must in TEMPLATE:
        if heading is OWN:
            while left and left[0] not in fixed:
                left.pop(0)
        elif left and left[0] == heading:
            left.pop(0)
        elif must:
            return f"{heading} is missing before {left[:1]}"
    return f"{left[0]} has no place there" if left else None


def test_the_headings_of_the_users_page_stand_in_the_order_of_the_template() -> None:
    assert out_of_order(headings(USERS_PAGE)) is None


def test_a_heading_out_of_order_is_found() -> None:
    found = headings(USERS_PAGE)
    found.remove("## IP allow list")
    assert out_of_order(found)
    assert out_of_order([*found[:2], "## Changelog", *found[2:]])


SENTENCES = {
    "# Dialpad": (
        "\n<HideInUI>\n\nThis page contains the setup guide and reference information for the "
        "[Dialpad](https://www.dialpad.com) source connector.\n\n</HideInUI>\n\n"
    ),
    CLOUD: (
        "\n1. [Log into your Airbyte Cloud](https://cloud.airbyte.com/workspaces) account.\n"
        "2. Click Sources and then click + New source.\n"
        "3. On the Set up the source page, select Dialpad from the Source type dropdown.\n"
        "4. Enter a name for the Dialpad connector.\n"
    ),
    OPEN_SOURCE: "\n1. Navigate to the Airbyte Open Source dashboard.\n",
    "## Supported sync modes": (
        "\nThe Dialpad source connector supports the following "
        "[sync modes](https://docs.airbyte.com/cloud/core-concepts/#connection-sync-modes):\n\n"
    ),
    "## IP allow list": (
        "\nIf you use Airbyte Cloud and your organization restricts access to specific IPs, add the "
        "[Airbyte Cloud IP addresses](https://docs.airbyte.com/platform/operating-airbyte/ip-allowlist) "
        "to your allow list.\n\n"
    ),
    "## Changelog": "\n<details>\n  <summary>Expand to review</summary>\n\n",
}


@pytest.mark.parametrize("heading", SENTENCES)
def test_a_section_of_the_users_page_begins_with_the_sentences_of_the_template(heading: str) -> None:
    _, _, section = read(USERS_PAGE).partition(f"\n{heading}\n" if heading != "# Dialpad" else f"{heading}\n")
    assert section.startswith(SENTENCES[heading])


def test_the_prerequisites_speak_of_an_account_or_access() -> None:
    section = read(USERS_PAGE).split("## Prerequisites\n")[1].split("\n## ")[0].lower()
    assert any(word in section for word in ("account", "auth", "credentials", "access", "client"))


def test_the_users_page_has_a_changelog_entry_for_this_version() -> None:
    version = yaml.safe_load(read(ROOT / "metadata.yaml"))["data"]["dockerImageTag"]
    assert f"| {version} |" in read(USERS_PAGE).split("## Changelog")[1]


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


def test_the_example_of_the_users_page_has_every_setting() -> None:
    example = json.loads(blocks(USERS_PAGE, "json")[0])
    redact_url = [
        f"{name}.{member}" if isinstance(value, dict) else name
        for name, value in example.items()
        for member in (value if isinstance(value, dict) else [""])
    ]
    assert sorted(redact_url) == sorted(settings())


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
    return kind(stream=name, cursor_field=cursor_of(streams()[name]), **windows).cursor("…")


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
    (example,) = [block for block in blocks(README, "python") if "composed_manifest" in block]
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})  # noqa: S102  # the example under test
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
    return sum(window.first < TODAY or grain == "day" for window in calendar_windows(first, TODAY, grain))


def test_the_posts_of_a_year_are_those_that_the_windows_give() -> None:
    for row in rows(USERS_PAGE, "window", "POSTs a stream and scope"):
        setting, value = code(row[0])[0], row[0].split()[-1]
        assert int(row[1]) == posts(setting, value), row


def test_the_costs_of_a_year_follow_from_the_posts() -> None:
    call_centers, offices = 20, 3
    for days, window, redact_url, hours in rows(USERS_PAGE, "`export_window_days`"):
        records, figures = posts("export_window_days", days), posts("aggregate_window", window)
        total = 7 * records + 2 * call_centers * records + 6 * figures + offices * figures
        assert (redact_url, float(hours)) == (f"{total:,}", round(total / 200 + 1e-9, 1)), days


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
    redact_url = {row[0]: row[2] for row in rows(USERS_PAGE, "limit", "of the API")}
    a_minute = next(limit for limit, interval in budget["^/api/v2/digital/"] if interval == "PT1M")
    assert redact_url["digital sessions"] == f"{a_minute} a minute"
    a_second = next(limit for limit, interval in budget["^/api/v2/"] if interval == "PT1S")
    assert redact_url["Dialpad API, everything"] == f"{a_second} a second"
    (limit, interval), *_ = budget["^/v1/analytics/"]
    assert redact_url["Analytics API"] == f"{limit} in {interval[2:-1]} s"
    assert redact_url["Digital Engagement"] == f"{budget['/Dashboard/'][0][0]} a second"
