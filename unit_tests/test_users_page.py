"""The user's page has the form that Airbyte's catalog asks for: headings, their order, fixed sentences."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
USERS_PAGE = ROOT / "docs" / "integrations" / "sources" / "dialpad.md"


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def headings(page: Path) -> list[str]:
    text = re.sub(r"^```.*?^```", "", read(page), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"^(#{1,4} .+)$", text, re.MULTILINE)


def test_both_parts_that_the_form_of_airbyte_leaves_out_are_marked() -> None:
    marks = re.findall(r"^</?HideInUI>$", read(USERS_PAGE), re.MULTILINE)
    assert marks == ["<HideInUI>", "</HideInUI>"] * 2


OWN = object()
TEMPLATE = [
    ("# Dialpad", True),
    ("## Prerequisites", True),
    ("## Setup guide", True),
    ("### Step 1: Set up Dialpad", True),
    (OWN, False),
    ("### Step 2: Set up the Dialpad connector in Airbyte", True),
    (OWN, False),
    ("## Supported sync modes", True),
    ("## Supported streams", True),
    (OWN, False),
    ("## Performance considerations", True),
    (OWN, False),
    ("## Limitations & troubleshooting", True),
    (OWN, False),
    ("## Changelog", True),
]
"""The headings in the order of the catalog's pages of Stripe and Zendesk Support; OWN is room for any others."""


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
    found.remove("## Performance considerations")
    assert out_of_order(found)
    assert out_of_order([*found[:2], "## Changelog", *found[2:]])


SENTENCES = {
    "# Dialpad": (
        "\n<HideInUI>\n\nThis page contains the setup guide and reference information for the "
        "[Dialpad](https://www.dialpad.com) source connector.\n\n</HideInUI>\n\n"
    ),
    "## Supported sync modes": (
        "\nThe Dialpad source connector supports the following "
        "[sync modes](https://docs.airbyte.com/cloud/core-concepts/#connection-sync-modes):\n\n"
    ),
    "## Changelog": "\n<details>\n  <summary>Expand to review</summary>\n\n",
}


@pytest.mark.parametrize("heading", SENTENCES)
def test_a_section_of_the_users_page_begins_with_the_sentences_of_the_template(heading: str) -> None:
    _, _, section = read(USERS_PAGE).partition(f"\n{heading}\n" if heading != "# Dialpad" else f"{heading}\n")
    assert section.startswith(SENTENCES[heading])


def test_the_page_says_once_that_the_connector_is_not_on_airbyte_cloud() -> None:
    assert re.findall(r"[^.\n]*Airbyte Cloud[^.\n]*\.", read(USERS_PAGE)) == [
        "The connector is not available on Airbyte Cloud."
    ]


def test_the_prerequisites_speak_of_an_account_or_access() -> None:
    section = read(USERS_PAGE).split("## Prerequisites\n")[1].split("\n## ")[0].lower()
    assert any(word in section for word in ("account", "auth", "credentials", "access", "client"))


def test_the_users_page_has_a_changelog_entry_for_this_version() -> None:
    version = yaml.safe_load(read(ROOT / "metadata.yaml"))["data"]["dockerImageTag"]
    assert f"| {version} |" in read(USERS_PAGE).split("## Changelog")[1]


def test_the_streams_to_start_with_are_those_that_the_metadata_suggests() -> None:
    section = read(USERS_PAGE).split("### Streams to start with\n")[1].split("\n\nAdd others")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    named = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    suggested = yaml.safe_load(read(ROOT / "metadata.yaml"))["data"]["suggestedStreams"]["streams"]
    assert sorted(named) == sorted(suggested)
