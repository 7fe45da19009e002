"""The source: which streams a configuration brings, how a read ends, and the two hooks into the CDK.

The cursor (`_build_concurrent_cursor` of this source's own factory): the CDK's cursors cannot keep the end of a window
as state, cut windows at local weeks and months, keep today apart from history, or begin a new partition at its own
start, and the manifest takes no custom cursor. It can go when it does.

Batches (`_concurrent_source`, and the factory's constructor of the CDK's own retriever): see `sync.batches`. They can
go when the CDK passes pages on, not records.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from itertools import chain
from typing import Any

from airbyte_cdk.models import (
    AirbyteCatalog,
    AirbyteConnectionStatus,
    AirbyteErrorTraceMessage,
    AirbyteMessage,
    AirbyteStateMessage,
    ConfiguredAirbyteCatalog,
    FailureType,
    Status,
    StreamDescriptor,
    SyncMode,
)
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource
from airbyte_cdk.sources.declarative.interpolation.interpolated_nested_mapping import InterpolatedNestedMapping
from airbyte_cdk.sources.declarative.models.declarative_component_schema import (
    DeclarativeStream,
    HttpRequester,
    SimpleRetriever,
)
from airbyte_cdk.sources.declarative.parsers.manifest_reference_resolver import ManifestReferenceResolver
from airbyte_cdk.sources.declarative.parsers.model_to_component_factory import ModelToComponentFactory
from airbyte_cdk.sources.declarative.partition_routers import SinglePartitionRouter
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor
from airbyte_cdk.sources.streams.concurrent.partitions.stream_slicer import StreamSlicer
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.config import SECTIONS, CheckedConfig
from source_dialpad.errors import config_error, nearest, refuses_the_key, system_error, transient_error, without_secrets
from source_dialpad.manifest import composed_manifest
from source_dialpad.sync import backfill, planner
from source_dialpad.sync.batches import batching_source
from source_dialpad.sync.cursor import WindowCursor
from source_dialpad.sync.retriever import batching
from source_dialpad.transport.requester import JsonCalls
from source_dialpad.transport.secrets import mask_keys
from source_dialpad.transport.shared import forget_findings

PLANNERS: dict[str, type[planner.WindowPlanner]] = {**vars(planner), **vars(backfill)}  # by their `kind`


@cache
def resolved_manifest() -> dict[str, Any]:
    """The composed manifest with its references resolved."""
    return dict(ManifestReferenceResolver().preprocess_manifest(composed_manifest()))


def section_of(group: Mapping[str, Any]) -> str:
    """The section of the configuration that brings a group of the manifest's streams."""
    return next(name for name in SECTIONS if f"'{name}'" in group["condition"])


def needed_manifest(config: Mapping[str, Any] | None, catalog: ConfiguredAirbyteCatalog | None) -> dict[str, Any]:
    """The resolved manifest without what is not needed: the CDK copies and checks a manifest many times over."""
    wanted = None if catalog is None else {configured.stream.name for configured in catalog.streams}
    groups = []
    for group in resolved_manifest()["streams"]:
        streams = [stream for stream in group["streams"] if wanted is None or stream["name"] in wanted]
        if streams and (config is None or section_of(group) in config):
            groups.append({**group, "streams": streams})
    rest = {name: part for name, part in resolved_manifest().items() if name not in ("definitions", "schemas")}
    return {**rest, "streams": groups}


class SourceDialpad(ConcurrentDeclarativeSource):
    """A source that was built without configuration and catalog hands a command to one that has them."""

    def __init__(
        self,
        catalog: ConfiguredAirbyteCatalog | None = None,
        config: Mapping[str, Any] | None = None,
        state: list[AirbyteStateMessage] | None = None,
        config_path: str | None = None,
        **_: Any,
    ) -> None:
        self._has_config, self._has_catalog = config is not None, catalog is not None
        streams = catalog.streams if catalog else []
        self._full_refreshes = {each.stream.name for each in streams if each.sync_mode == SyncMode.full_refresh}
        mask_keys(config or {})
        forget_findings()
        needed = needed_manifest(config, catalog)
        super().__init__(catalog, config, state, source_config=needed, config_path=config_path)
        if config is not None and not config:  # the CDK passes an empty configuration by unchecked
            specification = self._source_config["spec"]["connection_specification"]
            CheckedConfig({"properties": specification["properties"]}).transform({})
        self._cdk_cursor = self._constructor._build_concurrent_cursor  # noqa: SLF001  # no other way to set a cursor
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
        kind = PLANNERS[settings.pop("kind")]
        return WindowCursor(
            planner=kind(stream=name, cursor_field=sync.cursor_field, **settings),
            partitions=None if isinstance(stream_slicer, SinglePartitionRouter) else stream_slicer,
            given_state=states.get_stream_state(name, None),
            message_repository=self._message_repository,
            state_manager=states,
            full_refresh=name in self._full_refreshes,
        )

    def _with(self, config: Mapping[str, Any]) -> SourceDialpad:
        return self if self._has_config else SourceDialpad(config=config)

    def discover(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteCatalog:
        """The streams that the configuration brings."""
        return super(SourceDialpad, self._with(config)).discover(logger, config)

    def check(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteConnectionStatus:
        """One cheap call for each configured section; never an export."""
        configured = self._with(config)._config  # noqa: SLF001  # of this class
        mask_keys(configured)
        problems = " ".join(_section_problems(configured, logger))
        status = Status.FAILED if problems else Status.SUCCEEDED
        return AirbyteConnectionStatus(status=status, message=filter_secrets(problems) or None)

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
        slices, streams = self._config["num_workers"], len(catalog.streams)
        self._concurrent_source = batching_source(self._concurrent_source, slices=slices, streams=streams)
        mask_keys(self._config)  # again, for the CDK has begun its list anew
        failures = Failures(with_traces=logger.isEnabledFor(logging.DEBUG))
        messages = chain(_missing_streams(catalog, self._config), super().read(logger, config, catalog, state))
        try:
            yield from filter(failures.is_new, messages)
        except AirbyteTracedException as error:
            is_summary = error.internal_message == "Concurrent read failure"  # of the CDK, always a config_error
            if not is_summary or not failures.errors:
                raise
        if failures.errors:
            raise failures.summary()


def _section_problems(config: Mapping[str, Any], logger: logging.Logger) -> Iterator[str]:
    """What each configured section's API refuses; what is asked is the manifest's `section_checks`, without retries."""
    definitions, factory = resolved_manifest()["definitions"], ModelToComponentFactory(disable_retries=True)

    def ask(requester: str) -> JsonCalls:
        definition = {**definitions[requester], "connect_timeout_in_seconds": 4, "read_timeout_in_seconds": 30}
        return JsonCalls(factory.create_component(HttpRequester, definition, config, name="check"))

    for section, check in definitions["section_checks"].items():
        module, _, function = check.rpartition(".")
        try:
            if section in config:
                getattr(import_module(module), function)(ask, config, logger)
                logger.info("%s: the API answers, and takes the key.", section)
        except AirbyteTracedException as error:
            yield error.message or str(error)


def _missing_streams(catalog: ConfiguredAirbyteCatalog, config: Mapping[str, Any]) -> Iterator[AirbyteMessage]:
    """An error for each stream of the catalog that a configuration does not bring: the CDK would go on without one."""
    groups = resolved_manifest()["streams"]
    sections = {stream["name"]: section_of(group) for group in groups for stream in group["streams"]}
    for name in (configured.stream.name for configured in catalog.streams):
        section = sections.get(name)
        if section in config:
            continue
        reason, cure = f"the configuration has no section {section}, which brings it", f"Fill in {section}"
        if section is None:
            reason, cure = f"there is none of that name ({nearest(name, sections)})", "Refresh the source's schema"
        text = f"{name}: the catalog asks for this stream, and {reason}. {cure}, or take the stream out of the catalog."
        yield config_error(text).as_airbyte_message(stream_descriptor=StreamDescriptor(name=name))


class Failures:
    """The errors of a read, each passed on once and without secrets; `with_traces` keeps their stack traces."""

    def __init__(self, *, with_traces: bool) -> None:
        self._with_traces = with_traces
        self.errors: dict[tuple[str, str], AirbyteErrorTraceMessage] = {}

    def is_new(self, message: AirbyteMessage) -> bool:
        """Notes an error, and cleans it of secrets; False for one that the same stream has reported before."""
        error = message.trace.error if message.trace else None
        if error is None:
            return True
        trace = without_secrets(error.stack_trace or "") if self._with_traces else ""
        error.message = filter_secrets(error.message)
        is_said = refuses_the_key(error) and not self._with_traces  # the CDK's own text then adds nothing to do
        error.internal_message = None if is_said else filter_secrets(error.internal_message or "") or None
        error.stack_trace = filter_secrets(trace) or None
        stream = error.stream_descriptor.name if error.stream_descriptor else ""
        # windows that were asked for at the same time are refused for the same reason
        report = (stream, "" if refuses_the_key(error) else error.message)
        return self.errors.setdefault(report, error) is error

    def summary(self) -> AirbyteTracedException:
        """One error that names the streams that were not read to their end."""
        errors, names = list(self.errors.values()), sorted({name for name, _ in self.errors if name})
        count = "1 stream was" if len(names) == 1 else f"{len(names)} streams were"
        rest = "The rows read so far were passed on; the next sync reads what is missing"
        text = f"{count} not read to the end: {', '.join(names)}. {rest}. The first error: {errors[0].message}"
        types = {error.failure_type for error in errors}
        if FailureType.transient_error in types:  # waiting may mend it, so that the platform tries again
            return transient_error(text)
        return config_error(text) if types == {FailureType.config_error} else system_error(text)
