"""What a read was asked for beside what there is, and how it ended.

The CDK marks a stream of the catalogue that it does not know as incomplete and goes on without a word; it ends a read
with failed streams by an error of its own that is always a `config_error`, whatever happened, so that the platform does
not try again. Here both say what they are.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airbyte_cdk.models import (
    AirbyteErrorTraceMessage,
    AirbyteMessage,
    AirbyteStateMessage,
    AirbyteStateType,
    ConfiguredAirbyteCatalog,
    FailureType,
    StreamDescriptor,
    SyncMode,
)
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.config import SECTIONS
from source_dialpad.errors import REFUSED_KEY, config_error, nearest

CDK_SUMMARY = "Concurrent read failure"
"""How the CDK marks its own error at the end of a read in which a stream failed."""


def section_of(group: Mapping[str, Any]) -> str:
    """The section of the configuration that brings a group of the manifest's streams."""
    return next(name for name in SECTIONS if f"'{name}'" in group["condition"])


class Streams:
    """The streams of the manifest, and the section of the configuration that each one needs."""

    def __init__(self, definitions: Sequence[Mapping[str, Any]], config: Mapping[str, Any]) -> None:
        """`definitions` are the manifest's `streams`, references resolved: a group of streams a section."""
        self._sections: dict[str, str] = {}
        self._cursors: dict[str, str] = {}
        for group in definitions:
            section = section_of(group)
            for stream in group["streams"]:
                self._sections[stream["name"]] = section
                if "incremental_sync" in stream:
                    named = {**stream.get("$parameters", {}), **stream["incremental_sync"]}
                    self._cursors[stream["name"]] = named["cursor_field"]
        self._config = config

    def missing(self, catalog: ConfiguredAirbyteCatalog) -> Iterator[AirbyteMessage]:
        """An error for each stream of the catalogue that this configuration does not have."""
        for configured in catalog.streams:
            name = configured.stream.name
            section = self._sections.get(name)
            if section is None:
                text = (
                    f"{name}: the catalogue asks for this stream, and there is none of that name "
                    f"({nearest(name, self._sections)}). Refresh the source's schema, or take the stream out of the "
                    "catalogue."
                )
            elif section not in self._config:
                text = (
                    f"{name}: the catalogue asks for this stream, and the configuration has no section {section}, "
                    f"which brings it. Fill in {section}, or take the stream out of the catalogue."
                )
            else:
                continue
            yield config_error(text).as_airbyte_message(stream_descriptor=StreamDescriptor(name=name))

    def say_what_is_left_unused(
        self, catalog: ConfiguredAirbyteCatalog, state: Sequence[AirbyteStateMessage], logger: logging.Logger
    ) -> None:
        """Warns of states and choices that have no effect; a config error where a state would not be found."""
        saved = {}
        for entry in state:
            if entry.type not in (AirbyteStateType.STREAM, AirbyteStateType.GLOBAL):
                raise config_error(
                    "The saved state is of the old kind that holds all streams in one object, which this source never "
                    "wrote. Reset the state of the connection."
                )
            held = [entry.stream] if entry.stream else entry.global_.stream_states if entry.global_ else []
            saved.update({each.stream_descriptor.name: each.stream_descriptor.namespace for each in held})
        for name, namespace in saved.items():
            if name not in self._sections:
                logger.warning("The saved state holds %s, a stream this source does not have; it is not used.", name)
            elif namespace is not None:
                raise config_error(
                    f"{name}: the saved state stands under the namespace {namespace!r}, and the streams of this source "
                    "have none. Take the namespace out of the state, or reset the state of this stream."
                )
        for configured in catalog.streams:
            name = configured.stream.name
            cursor = self._cursors.get(name)
            chosen = ".".join(configured.cursor_field or [])
            if chosen and cursor and chosen != cursor:
                logger.warning(
                    "%s: the catalogue chooses %s as the cursor; this stream always goes by %s.", name, chosen, cursor
                )
            if name in saved and cursor and configured.sync_mode == SyncMode.full_refresh:
                logger.warning(
                    "%s: the catalogue asks for a full refresh and a saved state was given; reading goes on from the "
                    "state. Leave the state of this stream out to read it from the start.",
                    name,
                )


class Outcome:
    """The errors of a read, each said once and without secrets."""

    def __init__(self) -> None:
        self._failures: dict[str, list[AirbyteErrorTraceMessage]] = {}
        self._said: set[tuple[str, str]] = set()

    @property
    def failed(self) -> bool:
        """Whether an error was noted."""
        return bool(self._failures)

    def noted(self, message: AirbyteMessage) -> AirbyteMessage | None:
        """The message as it may be seen; None for an error that the same stream has told before."""
        error = message.trace.error if message.trace else None
        if error is None:
            return message
        error.message = filter_secrets(error.message)
        error.internal_message = filter_secrets(error.internal_message or "") or None
        error.stack_trace = filter_secrets(error.stack_trace or "") or None
        stream = error.stream_descriptor.name if error.stream_descriptor else ""
        self._failures.setdefault(stream, []).append(error)
        # windows that were asked for at the same time are refused for the same reason
        told = (stream, "" if REFUSED_KEY.search(error.internal_message or "") else error.message)
        if told in self._said:
            return None
        self._said.add(told)
        return message

    def raise_for_failures(self) -> None:
        """Raises one error that names the streams that were not read to their end.

        It is transient if waiting may mend one of them (the platform then tries again), otherwise a system error if one
        of them is, otherwise a config error.
        """
        if not self._failures:
            return
        types = {error.failure_type for errors in self._failures.values() for error in errors}
        order = (FailureType.transient_error, FailureType.system_error, FailureType.config_error)
        names = sorted(name for name in self._failures if name)
        count = "1 stream was" if len(names) == 1 else f"{len(names)} streams were"
        text = (
            f"{count} not read to the end: {', '.join(names)}. The rows read so far were passed on; the next sync "
            f"reads what is missing. The first error: {next(iter(self._failures.values()))[0].message}"
        )
        raise AirbyteTracedException(
            message=text,
            internal_message=text,
            failure_type=next((kind for kind in order if kind in types), FailureType.system_error),
        )
