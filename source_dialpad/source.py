"""The source that the manifest makes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain
from typing import Any

from airbyte_cdk.models import (
    AirbyteConnectionStatus,
    AirbyteMessage,
    AirbyteStateMessage,
    ConfiguredAirbyteCatalog,
    Status,
)
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource
from airbyte_cdk.sources.declarative.parsers.manifest_reference_resolver import ManifestReferenceResolver
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.cdk_overrides import in_turns
from source_dialpad.check import SectionCheck
from source_dialpad.config import CheckedConfig
from source_dialpad.manifest import composed_manifest
from source_dialpad.outcome import CDK_SUMMARY, Outcome, Streams, section_of
from source_dialpad.transport.secrets import mask_keys
from source_dialpad.transport.shared import forget_findings


@cache
def resolved_manifest() -> dict[str, Any]:
    """The composed manifest with its references resolved."""
    return dict(ManifestReferenceResolver().preprocess_manifest(composed_manifest()))


def needed_manifest(
    config: Mapping[str, Any] | None = None, catalog: ConfiguredAirbyteCatalog | None = None
) -> dict[str, Any]:
    """The resolved manifest with no more streams than a configuration and a catalogue bring, and no definitions.

    The CDK copies and checks a manifest many times over.
    """
    wanted = None if catalog is None else {configured.stream.name for configured in catalog.streams}
    groups = []
    for group in resolved_manifest()["streams"]:
        if config is None or section_of(group) in config:
            streams = [each for each in group["streams"] if wanted is None or each["name"] in wanted]
            groups.append({**group, "streams": streams})
    return {
        **{name: part for name, part in resolved_manifest().items() if name not in ("definitions", "schemas")},
        "streams": [group for group in groups if group["streams"]],
    }


class SourceDialpad(ConcurrentDeclarativeSource):
    """The Airbyte source for Dialpad.

    Config, catalog and state reach a declarative source through its constructor alone; hosts that build it without
    arguments are served by building it again when they are known.
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
        mask_keys(config or {})
        forget_findings()  # found out anew by every run of a process that lives longer
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

    def configure(self, config: Mapping[str, Any], temp_dir: str) -> Mapping[str, Any]:
        """The configuration as the streams see it."""
        if not self._has_config:
            self.__init__(config=config)  # type: ignore[misc]
        return super().configure(config, temp_dir)

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
            yield from type(self)(catalog, config, state).read(logger, config, catalog, state)
            return
        self._concurrent_source = in_turns(self._concurrent_source, self._config["num_workers"], len(catalog.streams))
        mask_keys(self._config)  # again, for the CDK has begun its list anew
        streams = Streams(resolved_manifest()["streams"], self._config)
        streams.say_what_is_left_unused(catalog, self._given_state, logger)
        outcome = Outcome()
        try:
            for message in chain(streams.missing(catalog), super().read(logger, config, catalog, state)):
                noted = outcome.noted(message)
                if noted is not None:
                    yield noted
        except AirbyteTracedException as error:
            if error.internal_message != CDK_SUMMARY or not outcome.failed:
                raise
        outcome.raise_for_failures()

    def check(
        self,
        logger: logging.Logger,
        config: Mapping[str, Any],  # noqa: ARG002  # the CDK's signature; the constructor completed it
    ) -> AirbyteConnectionStatus:
        """One cheap call for each configured section; never an export."""
        mask_keys(self._config)
        try:
            self._prepare_for_stream_build()
            problems = SectionCheck(resolved_manifest(), self._config, logger).problems()
        except AirbyteTracedException as error:
            problems = [error.message or str(error)]
        if problems:
            return AirbyteConnectionStatus(status=Status.FAILED, message=filter_secrets(" ".join(problems)))
        return AirbyteConnectionStatus(status=Status.SUCCEEDED)
