"""Writes the outcomes of all cells into docs/faults.md: `python -m integration_tests.faults`."""

from __future__ import annotations

import logging
import sys

from integration_tests.faults.matrix import CELLS, PAGE, Cell, rendered


def main() -> None:
    """Runs the matrix; a cell that ends wrongly is told and leaves the page as it is."""
    logging.getLogger("airbyte").setLevel(logging.CRITICAL + 1)
    cells = [Cell(trouble, endpoint).run() for trouble, endpoint in CELLS]
    wrong = [
        f"{cell.endpoint.name}, {cell.trouble.name}: {'; '.join(cell.problems)}" for cell in cells if cell.problems
    ]
    if wrong:
        sys.exit("\n".join(wrong))
    before, _, rest = PAGE.read_text(encoding="utf-8").partition("| what happens |")
    after = rest.rpartition("|\n")[2]
    outcomes = {(cell.trouble.name, cell.endpoint.name): cell.outcome for cell in cells}
    PAGE.write_text(before + rendered(outcomes) + after, encoding="utf-8")


if __name__ == "__main__":
    main()
