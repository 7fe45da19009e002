"""What is in the page, what is not in it, and whether its numbers are true."""

from __future__ import annotations

import gzip
import re
import shutil
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb

from fake_dialpad.truth import truth
from integration_tests.faults.still_clock import NOON, still_clock
from integration_tests.report.company import account, synced
from integration_tests.report.conftest import HOSTILE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Document(HTMLParser):
    """What is wrong with the form of a document, its ids, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.named: list[str] = []
        self.tags: Counter[str] = Counter()
        self.handlers: list[str] = []
        self.feed(text)
        self.close()
        self.wrong += self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        given = dict(attrs)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.named += [*(given.get("aria-labelledby") or "").split(), (given.get("href") or "#")[1:]]
        self.handlers += [name for name in given if name.startswith("on") or name == "src"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}>")


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def test_the_page_is_one_well_formed_document_that_asks_for_nothing(page: Path) -> None:
    text = read(page)
    document = Document(text)
    assert document.wrong == []
    assert [name for name, times in Counter(document.ids).items() if times > 1] == []
    assert sorted({name for name in document.named if name} - set(document.ids)) == []
    assert document.tags["h1"] == 1
    assert not re.search(r"https?:|url\(|@import|//[a-z]", text)
    assert document.handlers == []
    assert "default-src 'none'" in text


def test_the_page_has_every_figure_with_answer_table_and_sql(page: Path) -> None:
    text = read(page)
    assert text.count("<article ") == 16
    assert text.count("<summary>SQL</summary>") == 16
    assert text.count('class="answer"') == 16
    assert "Invented data" in text


def test_the_page_is_small(page: Path) -> None:
    data = page.read_bytes()
    assert len(data) < 1_000_000
    assert len(gzip.compress(data)) < 120_000


def test_nothing_personal_is_in_the_page(page: Path) -> None:
    text, rows = read(page), synced()
    numbers = {row["external_number"] for row in rows["records_calls"]} | {
        row["internal_number"] for row in rows["records_calls"]
    }
    customers = {row["display_name"] for row in rows["contacts"]} - {row["display_name"] for row in rows["users"]}
    words = {row["text"] for row in rows["messages"] if len(row["text"] or "") > 24}
    keys = {"engagement-key", "dialpad-key", str(page.parent)}
    secret = {str(one) for one in numbers | customers | words | keys if one}
    assert len(numbers) > 20
    assert len(customers) > 5
    assert len(words) > 20
    assert [one for one in secret if one in text] == []


def test_names_of_agents_can_be_left_out(warehouse: str, page: Path, page_of: Callable[..., Path]) -> None:
    names = {row["display_name"] for row in synced()["users"]}
    hidden, short = read(page_of(warehouse, "--names", "none")), read(page_of(warehouse, "--names", "initials"))
    assert any(name in read(page) for name in names)
    assert [name for name in names if name in hidden or name in short] == []
    assert "Agent 1<" in hidden


def test_a_warehouse_without_tables_gives_a_page_that_says_so(
    empty_warehouse: str, page_of: Callable[..., Path]
) -> None:
    text = read(page_of(empty_warehouse))
    assert Document(text).wrong == []
    assert "There is nothing to show yet" in text
    assert "not in this warehouse" in text


def test_an_empty_figure_names_the_stream_that_is_missing(
    page_of: Callable[..., Path], warehouse: str, tmp_path: Path
) -> None:
    shutil.copy(warehouse, tmp_path / "few.duckdb")
    with duckdb.connect(str(tmp_path / "few.duckdb")) as connection:
        for mart in ("conversations", "conversation_days", "text_line_days", "dispositions"):
            connection.execute(f"DELETE FROM dialpad_marts.dialpad__{mart}")
        connection.execute("UPDATE dialpad_marts.dialpad__freshness SET synced_rows = 0 WHERE stream = 'records_texts'")
        connection.execute("UPDATE dialpad_marts.dialpad__freshness SET is_there = false WHERE stream = 'messages'")
    text = read(page_of(str(tmp_path / "few.duckdb")))
    assert "Not in this warehouse: messages." in text
    assert "Synced, but empty: records_texts." in text
    assert "There are rows in records_dispositions, but none" in text
    assert "Questions and SQL" in text  # the folded section


def test_names_from_data_are_escaped(hostile_page: Path) -> None:
    text = read(hostile_page)
    document = Document(text)
    assert document.wrong == []
    assert document.tags["script"] == 1
    assert document.handlers == []
    assert "&lt;script&gt;" in text
    assert all(name not in text for name in HOSTILE if "<" in name)


# --- numbers ----------------------------------------------------------------------------------------------------------


def elapsed(leg: dict[str, Any], begin: tuple[str, ...], end: str) -> float:
    """Seconds from the first of some times of a leg to another."""
    first = min(datetime.fromisoformat(leg[name]) for name in begin if leg[name])
    return (datetime.fromisoformat(leg[end]) - first).total_seconds()


def local_date(instant: str, zone: ZoneInfo) -> date:
    """The day of a printed time, which is UTC, on another clock."""
    return datetime.fromisoformat(instant).replace(tzinfo=UTC).astimezone(zone).date()


def true_tiles() -> dict[str, str]:
    """The tiles, counted from the company's own truth: its legs and scores, not the connector's rows nor a mart."""
    with still_clock():
        legs, answers = (truth(account(), name)["rows"] for name in ("records_calls", "records_csat"))
    world = account().world
    zones = {party.id: ZoneInfo(party.timezone) for party in (*world.call_centers, *world.departments, *world.offices)}
    last = NOON.date() - timedelta(days=1)
    days = {last - timedelta(days=number) for number in range(28)}
    entries = [
        leg
        for leg in legs
        if not leg["entry_point_call_id"] and leg["target_id"] in zones
        and local_date(leg["date_started"], zones[leg["target_id"]]) in days
    ]  # fmt: skip
    inbound = [leg for leg in entries if leg["direction"] == "inbound"]
    answered = [leg for leg in inbound if leg["category"] == "incoming"]
    waits = [elapsed(leg, ("date_queued", "date_first_rang"), "date_connected") for leg in answered]
    hung_up = [leg for leg in inbound if leg["category"] == "abandoned"]
    short = [leg for leg in hung_up if elapsed(leg, ("date_started",), "date_ended") < 6]
    connected = [leg for leg in entries if leg["date_connected"]]
    handling = ("talk_duration", "hold_duration", "wrapup_duration")
    handled = sum(float(leg[name] or 0) for leg in connected for name in handling) * 60 / len(connected)
    scores = {row["call_id"]: int(row["response"]) for row in answers if row["response"].isdigit()}
    scored = [scores[leg["call_id"]] for leg in entries if leg["call_id"] in scores]
    return {
        "Calls": f"{len(inbound):,}",
        "Answered": f"{len(answered) / len(inbound):.1%}",  # less than a point more than before
        "Service level": f"{sum(wait <= 60 for wait in waits) / (len(inbound) - len(short)):.0%}",
        "Speed of answer": f"{sum(waits) / len(waits):.0f} s",
        "Handle time": f"{round(handled) // 60} min {round(handled) % 60} s",
        "CSAT": f"{sum(score >= 4 for score in scored) / len(scored):.0%}",
    }


def test_the_tiles_say_what_is_true_of_the_company(page: Path) -> None:
    shown = dict(re.findall(r'<dt>([^<]+)</dt><dd class="value">([^<]+)</dd>', read(page)))
    assert shown == true_tiles()
