"""How agents are named on a page: in full, by initials, or by a number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbt_dialpad.warehouse import Rows


@dataclass
class Names:
    """One name a person, the same in every figure; no two people share one."""

    how: str
    """full, initials or none."""
    _given: dict[str, str] = field(default_factory=dict)

    def masked(self, rows: Rows) -> Rows:
        """The rows with `agent_name` as it may be shown, and `who`: the agent, or else the line."""
        for row in rows:
            if row.get("agent_id") is not None:
                row["agent_name"] = self._name(str(row["agent_id"]), row["agent_name"] or "Unknown")
            if "line_name" in row:
                row["line_name"] = row["line_name"] or (None if "agent_name" in row else "Unknown line")
            row["who"] = row.get("line_name") or row.get("agent_name")
        return rows

    def _name(self, key: str, full: str) -> str:
        if key not in self._given:
            initials = " ".join(f"{word[0]}." for word in full.split())
            name = {"full": full, "initials": initials, "none": f"Agent {len(self._given) + 1}"}[self.how]
            same = sum(one == name or one.startswith(f"{name} (") for one in self._given.values())
            self._given[key] = f"{name} ({same + 1})" if same else name
        return self._given[key]
