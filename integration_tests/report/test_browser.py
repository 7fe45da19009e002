"""The page in a real Chromium: offline, on a phone and on a desk, light and dark, with scripts and without."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from integration_tests.report.conftest import PYTHON

if TYPE_CHECKING:
    from collections.abc import Mapping

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest) -> Mapping[str, Mapping[str, Any]]:
    """What the browser made of the page, by how it was looked at."""
    installed = [str(PYTHON), "-c", "import playwright, axe_core_python"]
    if not CHROMIUM.exists() or subprocess.run(installed, capture_output=True, check=False).returncode:
        pytest.skip("no Chromium with Playwright here: `make report-test` installs both and runs these tests")
    command = [str(PYTHON), str(Path(__file__).with_name("in_browser.py")), str(request.getfixturevalue("page"))]
    looked = subprocess.run(command, capture_output=True, check=False)
    assert looked.returncode == 0, looked.stderr.decode()[-2000:]
    looks: Mapping[str, Mapping[str, Any]] = json.loads(looked.stdout)
    assert len(looks) == 6
    return looks


def all_of(seen: Mapping[str, Mapping[str, Any]], key: str) -> dict[str, Any]:
    return {how: what[key] for how, what in seen.items() if key in what}


def test_the_page_asks_for_nothing_and_says_nothing_on_the_console(seen: Mapping[str, Mapping[str, Any]]) -> None:
    assert {how: found for how, found in all_of(seen, "requests").items() if found} == {}
    assert {how: found for how, found in all_of(seen, "messages").items() if found} == {}


def test_the_page_never_scrolls_sideways_with_everything_unfolded(seen: Mapping[str, Mapping[str, Any]]) -> None:
    assert set(all_of(seen, "sideways").values()) == {0}


def test_axe_finds_nothing(seen: Mapping[str, Mapping[str, Any]]) -> None:
    assert {how: found for how, found in all_of(seen, "violations").items() if found} == {}


def test_every_chart_is_drawn_once_and_keeps_within_its_box(seen: Mapping[str, Mapping[str, Any]]) -> None:
    wrong = []
    for how, boxes in all_of(seen, "boxes").items():
        kind = "wide" if "1280" in how else "narrow"
        assert len(boxes) > 30
        wrong += [(how, box) for box in boxes if (box["area"] > 0) != (box["kind"] == kind) or box["over"] > 2]
    assert not wrong


def test_no_letter_of_a_chart_is_smaller_than_ten_pixels(seen: Mapping[str, Mapping[str, Any]]) -> None:
    assert min(all_of(seen, "smallest").values()) >= 10


def test_a_tap_on_a_mark_says_its_value(seen: Mapping[str, Mapping[str, Any]]) -> None:
    tips = all_of(seen, "tip")
    assert {how for how, words in tips.items() if "answered" not in (words or "")} == set()


def test_without_scripts_the_page_is_there(seen: Mapping[str, Mapping[str, Any]]) -> None:
    assert min(all_of(seen, "bytes").values()) > 100_000
