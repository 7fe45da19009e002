"""When a conversation began: each row gets a time that its cursor can be made of."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field
from datetime import datetime
from typing import Any

from airbyte_cdk.sources.declarative.transformations import RecordTransformation
from airbyte_cdk.sources.types import Config, StreamSlice

from source_dialpad.sync.batches import Row
from source_dialpad.transport.times import rfc3339, zone_of
from source_dialpad.transport.types import UNREADABLE, rfc3339_of

logger = logging.getLogger("airbyte")


@dataclass
class BeginningOfRow(RecordTransformation):
    """Each row with a readable `cursor_field`: one that has none stands at the start of its window.

    `local_times` are columns whose naive times are times of the configured zone; other naive times are UTC.
    """

    config: Config
    parameters: InitVar[Mapping[str, Any]]
    name: str
    cursor_field: str
    local_times: list[str] = field(default_factory=list)

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        self._zone = zone_of(self.config["timezone"])
        self._logged = False

    def transform(self, record: Row, *_: Any, stream_slice: StreamSlice, **__: Any) -> None:  # type: ignore[override]
        """Changes the record in place."""
        for column in self.local_times:
            record[column] = self._with_zone(record.get(column))
        try:
            began = rfc3339_of(record[self.cursor_field])
        except (KeyError, *UNREADABLE):
            began = None
        if began is None and not self._logged:
            self._logged = True
            message = "%s: a row has no %s; it stands at the start of its window. Logged once per sync."
            logger.warning(message, self.name, self.cursor_field)
        record[self.cursor_field] = began or stream_slice.cursor_slice["start_time"]

    def _with_zone(self, value: Any) -> Any:
        """The same value, a naive time with the offset of the configured zone."""
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            return value  # not a time in text, or with the name of a zone behind it
        return value if moment.tzinfo else rfc3339(moment.replace(tzinfo=self._zone))
