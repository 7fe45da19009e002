"""What the specification leaves open about lists, from the pages that were read anyway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from doctor.doubts import Answers, Doubt
from doctor.reach import declared_streams, is_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from doctor.finding import Finding
    from doctor.reach import Reach

FULL_PAGE: Final = 100
NOTHING: Final = "whether `items` is there when there is nothing"
END: Final = "how a list ends"
LARGEST: Final = "the largest page"
CHANNELS: Final = "which states a channel can have"
KEPT: Final = "whether a cursor is kept while the list changes"
WORKFORCE: Final = "whether the company has workforce metrics"
DOUBTS: Final = {  # the rows of docs/directory.md
    NOTHING: Doubt("Null, missing and empty are no rows; any other shape is an error.", "a list with nothing in it"),
    END: Doubt("No cursor, or an empty one; one that repeats itself is an error.", "a list that fits into one page"),
    LARGEST: Doubt("It asks for 100.", "a hundred users or contacts"),
    CHANNELS: Doubt("It sends no state; what comes without one is read.", "published values"),
    KEPT: Doubt("Keys make repeated rows one.", "a list that changes while it is read"),
    WORKFORCE: Doubt("A refusal names the product and its scope.", "an answer to a request for them"),
}


def findings(reach: Reach) -> Iterator[Finding]:
    """One finding for each of `DOUBTS`."""
    answers = Answers("directory", DOUBTS)
    streams = [name for name, stream in declared_streams().items() if is_list(stream)]
    values = [reply.value for name in streams for reply in reach.replies.get(name, []) if reply.refusal is None]
    pages = [value for value in values if isinstance(value, dict) and (not value or {"items", "cursor"} & value.keys())]
    empty = [value for value in pages if not value.get("items")]
    if empty:
        missing = sum("items" not in value for value in empty)
        null = sum("items" in value and value["items"] is None for value in empty)
        text = f"missing: {missing}, null: {null}, an empty list: {len(empty) - missing - null}"
        answers.seen(NOTHING, text, once=len(empty) == 1)
    last = [value for value in pages if value not in empty and not value.get("cursor")]
    if last:
        without = sum("cursor" not in value for value in last)
        text = f"without a cursor: {without}, with an empty one or null: {len(last) - without}"
        answers.seen(END, text, once=len(last) == 1)
    sizes = [reach.reports.get(name, {}).get("rows", 0) for name in ("users", "contacts", "calls")]
    if max(sizes) >= FULL_PAGE:
        answers.seen(LARGEST, f"{max(sizes)} came when {FULL_PAGE} were asked for; more was not tried", once=True)
    channels = reach.reports.get("channels", {})
    if "members" in channels:
        has_state = "state" in channels["members"]
        text = f"{channels['rows']} came without the parameter, {'with' if has_state else 'without'} a member state"
        answers.undecided(CHANNELS, text)
    workforce = reach.replies.get("wfm_agent_metrics", [])
    if workforce and workforce[0].status:
        refused = f"no: they are refused with {workforce[0].status}"
        answers.seen(WORKFORCE, refused if workforce[0].refusal else "yes, they are answered", once=True)
    return iter(answers)
