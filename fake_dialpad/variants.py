"""What the documents leave open: one named variant for each open question, its values and its default.

A variant is chosen at start (`--variant epoch_unit=seconds`) or while running (`POST /_fake/variants`).
"""

from __future__ import annotations

import re
from typing import Final

#: Name of the variant: the values it takes, the default first. `<n>` stands for a whole number.
CHOICES: Final[dict[str, tuple[str, ...]]] = {
    # Digital Engagement: the help article is the only source, and leaves these open.
    "epoch_unit": ("milliseconds", "seconds"),
    "epoch_unit_enforced": ("yes", "no"),
    "envelope": ("list_of_envelopes", "flat", "one_envelope"),
    "limit": ("honoured", "ignored", "capped:<n>"),
    "offset": ("honoured", "ignored", "pages"),
    "ends": ("[a,b]", "[a,b)", "(a,b]"),
    "order": ("ascending", "descending", "by_session", "random"),
    "status": ("200", "201"),
    "ids": ("string", "number"),
    # Analytics: whether an interval includes its end, how the next page is linked, whether a filter is required.
    "interval_end": ("out", "in"),
    "link": ("relative", "absolute", "pagekey", "foreign"),
    "filters": ("optional", "required"),
    # Stats: the CSV's dialect and the grain of two exports.
    "booleans": ("lower", "title"),
    "no_rows": ("header_only", "empty_file"),
    "by_user": ("per_range", "per_day"),
    "texts": ("both_sides", "one_row"),
    "bom": ("some", "all", "none"),
    "compression": ("none", "gzip"),
    "history_lag": ("0", "<n>"),
    "today_lag": ("0", "<n>"),
    # All of Dialpad API v2: whether a 429 says how long to wait; whether limits are enforced at all.
    "retry_after": ("absent", "present"),
    "rates": ("on", "off"),
    # Transcripts: whether the legs of groups have one too.
    "transcript_legs": ("operators", "all"),
    # Workforce metrics: whether the company has the product, or how it is refused.
    "wfm": ("on", "403", "404"),
    # Digital sessions: whether created_at carries a zone.
    "session_times": ("zone", "naive"),
}


class Variants(dict[str, str]):
    """The value of every variant of :data:`CHOICES`; an unknown name or value raises ValueError with the known ones."""

    def __init__(self, **chosen: str) -> None:
        super().__init__({name: values[0] for name, values in CHOICES.items()})
        self.choose(chosen)

    def choose(self, chosen: dict[str, str]) -> None:
        """Set some variants, all or none of them."""
        for name, value in chosen.items():
            if name not in CHOICES:
                message = f"unknown variant {name!r}; known: {', '.join(CHOICES)}"
                raise ValueError(message)
            allowed = CHOICES[name]
            if not any(re.fullmatch(re.escape(form).replace("<n>", r"\d+"), str(value)) for form in allowed):
                message = f"variant {name} cannot be {value!r}; it takes {', '.join(allowed)}"
                raise ValueError(message)
        self.update({name: str(value) for name, value in chosen.items()})
