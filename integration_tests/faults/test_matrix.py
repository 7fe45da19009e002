"""Every cell of the fault matrix ends as docs/faults.md says; how a cell may end at all stands in `matrix.Cell`."""

from __future__ import annotations

import pytest

from integration_tests.faults import matrix
from integration_tests.faults.matrix import CELLS, Cell, Endpoint, Trouble, parsed
from integration_tests.faults.reading import last_states, read
from integration_tests.faults.still_clock import still_clock
from source_dialpad.transport.shared import forget_findings

WRITTEN = parsed(matrix.PAGE.read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def _no_quota_is_left() -> None:
    forget_findings(lasting=True)


@pytest.mark.parametrize(
    ("trouble", "endpoint"), [pytest.param(*cell, id=f"{cell[1].name}-{cell[0].name}") for cell in CELLS]
)
def test_a_cell_ends_as_written(trouble: Trouble, endpoint: Endpoint) -> None:
    cell = Cell(trouble, endpoint).run()
    assert (cell.problems, cell.message if cell.problems else "") == ([], "")
    assert cell.outcome == WRITTEN[trouble.name, endpoint.name]


def test_the_page_holds_the_cells_and_no_others() -> None:
    assert {cell for cell, outcome in WRITTEN.items() if outcome != matrix.NOTHING} == {
        (trouble.name, endpoint.name) for trouble, endpoint in CELLS
    }


def test_a_stream_that_is_forbidden_does_not_stop_the_others() -> None:
    calls, users = matrix.stream("calls"), matrix.stream("users")
    expected = matrix.undisturbed("users")
    with still_clock():
        account = matrix.account()
        account.faults.add({"fault": "status:403", "path_regex": "^/api/v2/call$", "times": -1})
        outcome = read(account, matrix.config("dialpad"), [calls, users])
    assert len(outcome.rows("users")) == len(expected)
    assert [error["stream_descriptor"]["name"] for error in outcome.errors] == ["calls"]
    assert {state["stream"]["stream_descriptor"]["name"] for state in last_states(outcome.messages)} >= {"users"}
