"""The source: which streams a configuration brings, how a read ends, and the two hooks into the CDK.

The cursor (`_build_concurrent_cursor` of this source's own component factory): a stream whose `incremental_sync`
carries `$parameters: {windows: …}` gets a `WindowCursor`. The CDK's cursors cannot keep the end of a window as state,
cut windows at local weeks and months, keep today apart from history, or begin a new partition at its own start, and the
manifest takes no custom cursor. It can go when it does.

Batches (`_concurrent_source`, and the factory's constructor of the CDK's own retriever): rows passed one by one cost
more than reading, typing and keying them, and one stream's many slices would keep the others waiting; see
`sync.batches`. It can go when the CDK passes pages on, not records.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any

from airbyte_cdk.models import (
    AirbyteCatalog,
    AirbyteConnectionStatus,
    AirbyteErrorTraceMessage,
    AirbyteMessage,
    AirbyteStateMessage,
    AirbyteStateType,
    ConfiguredAirbyteCatalog,
    FailureType,
    Status,
    StreamDescriptor,
    SyncMode,
)
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource
from airbyte_cdk.sources.declarative.interpolation.interpolated_nested_mapping import InterpolatedNestedMapping
from airbyte_cdk.sources.declarative.models.declarative_component_schema import DeclarativeStream, SimpleRetriever
from airbyte_cdk.sources.declarative.parsers.manifest_reference_resolver import ManifestReferenceResolver
from airbyte_cdk.sources.declarative.partition_routers import SinglePartitionRouter
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor
from airbyte_cdk.sources.streams.concurrent.partitions.stream_slicer import StreamSlicer
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.check import section_problems
from source_dialpad.config import DEFAULT_START, SECTIONS, CheckedConfig
from source_dialpad.errors import config_error, nearest, refuses_the_key, without_secrets
from source_dialpad.manifest import composed_manifest
from source_dialpad.sync.backfill import AggregateWindows, RecordExportWindows
from source_dialpad.sync.batches import batching_source
from source_dialpad.sync.cursor import WindowCursor
from source_dialpad.sync.planner import (
    DailySnapshot,
    DatetimeWindows,
    LocalWindows,
    LogTail,
    MetricWindows,
    RecordWindows,
    WindowPlanner,
)
from source_dialpad.sync.retriever import batching
from source_dialpad.transport.secrets import mask_keys
from source_dialpad.transport.shared import forget_findings

PLANNERS: dict[str, type[WindowPlanner]] = {
    kind.__name__: kind
    for kind in (
        AggregateWindows,
        DailySnapshot,
        DatetimeWindows,
        LocalWindows,
        LogTail,
        MetricWindows,
        RecordExportWindows,
        RecordWindows,
    )
}
"""The kinds of windows that the manifest names."""

CDK_SUMMARY = "Concurrent read failure"
"""How the CDK marks its own error at the end of a read in which a stream failed."""


@cache
def resolved_manifest() -> dict[str, Any]:
    """The composed manifest with its references resolved."""
    return dict(ManifestReferenceResolver().preprocess_manifest(composed_manifest()))


def section_of(group: Mapping[str, Any]) -> str:
    """The section of the configuration that brings a group of the manifest's streams."""
    return next(name for name in SECTIONS if f"'{name}'" in group["condition"])


def needed_manifest(
    config: Mapping[str, Any] | None = None, catalog: ConfiguredAirbyteCatalog | None = None
) -> dict[str, Any]:
    """The resolved manifest with no more streams than a configuration and a catalog bring, and no definitions.

    The CDK copies and checks a manifest many times over.
    """
    wanted = None if catalog is None else {configured.stream.name for configured in catalog.streams}
    groups = []
    for group in resolved_manifest()["streams"]:
        if config is None or section_of(group) in config:
            streams = [stream for stream in group["streams"] if wanted is None or stream["name"] in wanted]
            groups.append({**group, "streams": streams})
    return {
        **{name: part for name, part in resolved_manifest().items() if name not in ("definitions", "schemas")},
        "streams": [group for group in groups if group["streams"]],
    }


class SourceDialpad(ConcurrentDeclarativeSource):
    """The Airbyte source for Dialpad.

    Configuration, catalog and state reach a declarative source through its constructor alone; a source that was built
    without them hands the command to one that has them.
    """

    def __init__(
        self,
        catalog: ConfiguredAirbyteCatalog | None = None,
        config: Mapping[str, Any] | None = None,
        state: list[AirbyteStateMessage] | None = None,
        config_path: str | None = None,
        **_: Any,
    ) -> None:
        """Checks and completes `config`; a config error lists what is wrong with it."""
        self._has_config, self._has_catalog = config is not None, catalog is not None
        chosen = catalog.streams if catalog else []
        self._full_refreshes = {each.stream.name for each in chosen if each.sync_mode == SyncMode.full_refresh}
        mask_keys(config or {})
        forget_findings()
        super().__init__(
            catalog=catalog,
            config=config,
            state=state,
            source_config=needed_manifest(config, catalog),
            config_path=config_path,
        )
        if config is not None and not config:  # the CDK passes an empty configuration by unchecked
            specification = self._source_config["spec"]["connection_specification"]
            CheckedConfig({"properties": specification["properties"]}).transform({})
        self._given_state = state or []
        self._cdk_cursor = self._constructor._build_concurrent_cursor  # noqa: SLF001  # no other way to a cursor of ours
        self._constructor._build_concurrent_cursor = self._build_cursor  # type: ignore[method-assign]  # noqa: SLF001
        constructors: Any = self._constructor.PYDANTIC_MODEL_TO_CONSTRUCTOR  # this source's own, and never frozen
        constructors[SimpleRetriever] = batching(constructors[SimpleRetriever])

    def _build_cursor(
        self, model: DeclarativeStream, stream_slicer: StreamSlicer | None, config: Mapping[str, Any]
    ) -> Cursor:
        """The stream's cursor: a `WindowCursor` where the manifest names windows, otherwise the CDK's own."""
        sync = model.incremental_sync
        windows = (getattr(sync, "parameters", None) or {}).get("windows")
        if sync is None or windows is None:
            return self._cdk_cursor(model, stream_slicer, config)  # type: ignore[arg-type]
        name, states = model.name or "", self._connector_state_manager
        settings = dict(InterpolatedNestedMapping(mapping=windows, parameters={}).eval(config))
        common = {setting: config[setting] for setting in ("timezone", "lookback_days")}
        common |= {"start": config["start_date"], "start_is_default": config.get(DEFAULT_START, False)}
        kind: type[WindowPlanner] = PLANNERS[settings.pop("kind")]
        cursor = WindowCursor(
            planner=kind(stream=name, cursor_field=sync.cursor_field, **{**common, **settings}),
            partitions=None if isinstance(stream_slicer, SinglePartitionRouter) else stream_slicer,
            stream_state=states.get_stream_state(name, None),
            message_repository=self._message_repository,
            state_manager=states,
        )
        cursor.full_refresh = name in self._full_refreshes
        return cursor

    def configure(self, config: Mapping[str, Any], temp_dir: str) -> Mapping[str, Any]:
        """The configuration as the streams see it."""
        if not self._has_config:
            return SourceDialpad(config=config).configure(config, temp_dir)
        return super().configure(config, temp_dir)

    def discover(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteCatalog:
        """The streams that the configuration brings."""
        if not self._has_config:
            return SourceDialpad(config=config).discover(logger, config)
        return super().discover(logger, config)

    def check(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteConnectionStatus:
        """One cheap call for each configured section; never an export."""
        if not self._has_config:
            return SourceDialpad(config=config).check(logger, config)
        mask_keys(self._config)
        try:
            self._prepare_for_stream_build()
            problems = section_problems(resolved_manifest(), self._config, logger)
        except AirbyteTracedException as error:
            problems = [error.message or str(error)]
        if problems:
            return AirbyteConnectionStatus(status=Status.FAILED, message=filter_secrets(" ".join(problems)))
        return AirbyteConnectionStatus(status=Status.SUCCEEDED)

    def read(
        self,
        logger: logging.Logger,
        config: Mapping[str, Any],
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage] | None = None,
    ) -> Iterator[AirbyteMessage]:
        """The records, states and statuses of the configured streams.

        A stream that fails, or that is not there, does not stop the others: its error comes when it happens, and the
        end is one more error that names every such stream, so that the exit code is not 0.
        """
        if not self._has_catalog:
            yield from SourceDialpad(catalog, config, state).read(logger, config, catalog, state)
            return
        self._concurrent_source = batching_source(
            self._concurrent_source, slices=self._config["num_workers"], streams=len(catalog.streams)
        )
        mask_keys(self._config)  # again, for the CDK has begun its list anew
        streams = StreamSections(resolved_manifest()["streams"], self._config)
        streams.warn_of_unused(catalog, self._given_state, logger)
        outcome = Outcome(with_traces=logger.isEnabledFor(logging.DEBUG))
        try:
            for message in chain(streams.missing(catalog), super().read(logger, config, catalog, state)):
                if outcome.is_news(message):
                    yield message
        except AirbyteTracedException as error:
            if error.internal_message != CDK_SUMMARY or not outcome.failed:
                raise
        outcome.raise_for_failures()


class StreamSections:
    """The streams of the manifest, and the section of the configuration that each one needs."""

    def __init__(self, groups: Sequence[Mapping[str, Any]], config: Mapping[str, Any]) -> None:
        """`groups` are the manifest's `streams`, references resolved: a group of streams per section."""
        self._sections: dict[str, str] = {}
        self._cursors: dict[str, str] = {}
        for group in groups:
            section = section_of(group)
            for stream in group["streams"]:
                self._sections[stream["name"]] = section
                if "incremental_sync" in stream:
                    merged = {**stream.get("$parameters", {}), **stream["incremental_sync"]}
                    self._cursors[stream["name"]] = merged["cursor_field"]
        self._config = config

    def missing(self, catalog: ConfiguredAirbyteCatalog) -> Iterator[AirbyteMessage]:
        """An error for each stream of the catalog that this configuration does not have.

        The CDK would mark it as incomplete and go on without a word.
        """
        for configured in catalog.streams:
            name = configured.stream.name
            section = self._sections.get(name)
            if section is None:
                text = (
                    f"{name}: the catalog asks for this stream, and there is none of that name "
                    f"({nearest(name, self._sections)}). Refresh the source's schema, or take the stream out of the "
                    "catalog."
                )
            elif section not in self._config:
                text = (
                    f"{name}: the catalog asks for this stream, and the configuration has no section {section}, "
                    f"which brings it. Fill in {section}, or take the stream out of the catalog."
                )
            else:
                continue
            yield config_error(text).as_airbyte_message(stream_descriptor=StreamDescriptor(name=name))

    def warn_of_unused(
        self, catalog: ConfiguredAirbyteCatalog, state: Sequence[AirbyteStateMessage], logger: logging.Logger
    ) -> None:
        """Warns of states and choices that have no effect; a config error where a state would not be found."""
        saved = self._saved_streams(state, logger)
        for configured in catalog.streams:
            name = configured.stream.name
            cursor = self._cursors.get(name)
            chosen = ".".join(configured.cursor_field or [])
            if chosen and cursor and chosen != cursor:
                logger.warning(
                    "%s: the catalog chooses %s as the cursor; this stream always uses %s.", name, chosen, cursor
                )
            if name in saved and cursor and configured.sync_mode == SyncMode.full_refresh:
                logger.warning(
                    "%s: the catalog asks for a full refresh and a saved state was given; reading goes on from the "
                    "state. Leave the state of this stream out to read it from the start.",
                    name,
                )

    def _saved_streams(self, state: Sequence[AirbyteStateMessage], logger: logging.Logger) -> set[str]:
        saved: dict[str, str | None] = {}
        for entry in state:
            if entry.type not in (AirbyteStateType.STREAM, AirbyteStateType.GLOBAL):
                raise config_error(
                    "The saved state is of the old kind that holds all streams in one object, which this source never "
                    "wrote. Reset the state of the connection."
                )
            parts = [entry.stream] if entry.stream else entry.global_.stream_states if entry.global_ else []
            saved.update({part.stream_descriptor.name: part.stream_descriptor.namespace for part in parts})
        for name, namespace in saved.items():
            if name not in self._sections:
                logger.warning("The saved state holds %s, a stream this source does not have; it is not used.", name)
            elif namespace is not None:
                raise config_error(
                    f"{name}: the saved state stands under the namespace {namespace!r}, and the streams of this source "
                    "have none. Take the namespace out of the state, or reset the state of this stream."
                )
        return set(saved)


class Outcome:
    """The errors of a read, each passed on once and without secrets.

    The CDK ends a read with failed streams by an error of its own that is always a `config_error`, whatever happened,
    so that the platform does not try again.
    """

    def __init__(self, *, with_traces: bool) -> None:
        """`with_traces` keeps the stack traces of errors, for debugging."""
        self._with_traces = with_traces
        self._failures: dict[str, list[AirbyteErrorTraceMessage]] = {}
        self._passed_on: set[tuple[str, str]] = set()

    @property
    def failed(self) -> bool:
        """Whether an error was noted."""
        return bool(self._failures)

    def is_news(self, message: AirbyteMessage) -> bool:
        """Notes an error, and cleans it of secrets; False for one that the same stream has reported before."""
        error = message.trace.error if message.trace else None
        if error is None:
            return True
        error.message = filter_secrets(error.message)
        error.internal_message = filter_secrets(error.internal_message or "") or None
        error.stack_trace = (
            (filter_secrets(without_secrets(error.stack_trace or "")) or None) if self._with_traces else None
        )
        stream = error.stream_descriptor.name if error.stream_descriptor else ""
        self._failures.setdefault(stream, []).append(error)
        # windows that were asked for at the same time are refused for the same reason
        report = (stream, "" if refuses_the_key(error) else error.message)
        if report in self._passed_on:
            return False
        self._passed_on.add(report)
        return True

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
