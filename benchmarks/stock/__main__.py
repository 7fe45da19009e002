"""The stock manifest, run as the CDK runs any manifest; only the 5 s between two looks at exports are taken out."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from airbyte_cdk.entrypoint import AirbyteEntrypoint, launch
from airbyte_cdk.sources.declarative.async_job.job_orchestrator import AsyncJobOrchestrator
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource

MANIFEST = Path(__file__).parent / "manifest.yaml"

if __name__ == "__main__":
    AsyncJobOrchestrator._WAIT_TIME_BETWEEN_STATUS_UPDATE_IN_SECONDS = 0.01  # type: ignore[assignment]  # noqa: SLF001
    given = AirbyteEntrypoint.parse_args(sys.argv[1:])
    source = ConcurrentDeclarativeSource(
        catalog=ConcurrentDeclarativeSource.read_catalog(given.catalog),
        config=ConcurrentDeclarativeSource.read_config(given.config),
        state=None,
        source_config=yaml.safe_load(MANIFEST.read_text(encoding="utf-8")),
    )
    launch(source, sys.argv[1:])
