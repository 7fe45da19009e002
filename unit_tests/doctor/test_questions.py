"""Every question that the documents leave open is one of the doctor's."""

from __future__ import annotations

import re
from pathlib import Path

from doctor import analytics, conversations, engagement, events, exports, lists
from doctor.__main__ import PROBED

DOCS = Path(__file__).parents[2] / "docs"
DOUBTS = {
    "engagement": engagement.DOUBTS,
    "stats": exports.DOUBTS,
    "analytics": analytics.DOUBTS,
    "conversations": conversations.DOUBTS,
    "directory": lists.DOUBTS,
}


def open_questions(page: str) -> list[str]:
    """The first column of the table under the heading."""
    _, _, section = (DOCS / f"{page}.md").read_text(encoding="utf-8").partition("## What the documents leave open")
    return re.findall(r"^\| (?!question \|)([^|]+?) \|", section, re.MULTILINE)


def test_each_row_of_what_the_documents_leave_open_is_a_question() -> None:
    rows = [(page, question) for page in DOUBTS for question in open_questions(page)]
    assert len(rows) > 40
    missing = [(page, question) for page, question in rows if question not in DOUBTS[page]]
    assert missing == []


def test_the_cost_counts_every_part_that_asks() -> None:
    parts = [part for section in PROBED.values() for part in section]
    assert {engagement, analytics, conversations, exports, events} <= set(parts)


def test_what_the_connector_does_is_a_sentence() -> None:
    every = [*DOUBTS.values(), events.DOUBTS]
    assert not [each.connector for doubts in every for each in doubts.values() if not each.connector.endswith(".")]
