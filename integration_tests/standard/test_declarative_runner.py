"""The composed manifest in the CDK's generic runner: the same streams, and the same rows of its lists."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml
from airbyte_cdk.cli.source_declarative_manifest._run import create_declarative_source
from airbyte_cdk.connector_builder.connector_builder_handler import create_source, get_limits, read_stream
from airbyte_cdk.models import ConfiguredAirbyteCatalogSerializer, Status
from airbyte_cdk.sources.declarative.parsers.custom_code_compiler import AirbyteCustomCodeNotPermittedError
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput, _run_command

from integration_tests.standard.account import CONFIG, FILES, account, file
from integration_tests.standard.recorded import Sync, full_refresh, output_as_sync, read, streams_of
from source_dialpad.manifest import composed_manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EVERYTHING = full_refresh(file("configured_catalog.json"))
NAMES = [configured["stream"]["name"] for configured in EVERYTHING["streams"]]
LISTS = [
    configured["stream"]["name"]
    for configured in EVERYTHING["streams"]
    if configured["stream"]["supported_sync_modes"] == ["full_refresh"]
]
CATALOG = {"streams": [one for one in EVERYTHING["streams"] if one["stream"]["name"] in (*LISTS, "records_calls")]}
ROOT = FILES.parent


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make manifest` writes."""
    path = tmp_path_factory.mktemp("manifest") / "manifest.yaml"
    environment = f"{sys.prefix}/.ready"
    subprocess.run(
        ["make", "-s", "-o", environment, "manifest", f"VENV={sys.prefix}", f"MANIFEST={path}"],
        cwd=ROOT,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    return path


@pytest.fixture(scope="module")
def run(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., EntrypointOutput]:
    """`source-declarative-manifest` with the manifest, in process."""
    folder = tmp_path_factory.mktemp("runner")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "catalog.json").write_text(json.dumps(CATALOG))

    def command(*arguments: str) -> EntrypointOutput:
        given = [*arguments, "--config", str(folder / "config.json"), "--manifest-path", str(manifest)]
        given += ["--catalog", str(folder / "catalog.json")] if arguments[0] == "read" else []
        with pytest.MonkeyPatch.context() as patched, account(folder):
            patched.setenv("AIRBYTE_ENABLE_UNSAFE_CODE", "true")
            return _run_command(create_declarative_source(given), given)

    return command


@pytest.fixture(scope="module")
def generic(run: Callable[..., EntrypointOutput]) -> Sync:
    return output_as_sync(run("read"))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Sync:
    with account(tmp_path_factory.mktemp("own")):
        return read(CATALOG)


def test_what_make_writes_is_the_composed_manifest(manifest: Path) -> None:
    assert yaml.safe_load(manifest.read_text(encoding="utf-8")) == composed_manifest()


def test_the_file_has_no_anchors_that_another_reader_might_not_know(manifest: Path) -> None:
    assert "&id0" not in manifest.read_text(encoding="utf-8")


def test_check_succeeds_in_the_generic_runner(run: Callable[..., EntrypointOutput]) -> None:
    (message,) = run("check").connection_status_messages
    assert message.connectionStatus
    assert message.connectionStatus.status is Status.SUCCEEDED


def test_discover_finds_the_same_streams_in_the_generic_runner(run: Callable[..., EntrypointOutput]) -> None:
    assert sorted(stream["name"] for stream in streams_of(run("discover"))) == sorted(NAMES)


def test_the_lists_have_the_same_rows_in_the_generic_runner(generic: Sync, own: Sync) -> None:
    differ = []
    for name in LISTS:
        rows = [sorted(json.dumps(row, sort_keys=True) for row in sync.rows.get(name, [])) for sync in (generic, own)]
        if not rows[0] or rows[0] != rows[1]:
            differ.append(name)
    assert differ == []


def test_a_stream_with_windows_of_its_own_says_in_the_generic_runner_who_reads_it(generic: Sync) -> None:
    assert any("records_calls: this stream is read by source-dialpad alone" in str(error) for error in generic.errors)


def test_without_trust_in_custom_code_the_generic_runner_refuses(manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    given = ["check", "--config", str(tmp_path / "config.json"), "--manifest-path", str(manifest)]
    with pytest.raises(AirbyteCustomCodeNotPermittedError, match="AIRBYTE_ENABLE_UNSAFE_CODE"):
        create_declarative_source(given)


@pytest.mark.parametrize("name", ["users", "analytics_metrics"])
def test_the_builder_s_test_reader_shows_rows(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRBYTE_ENABLE_UNSAFE_CODE", "true")
    config = {**CONFIG, "__injected_declarative_manifest": composed_manifest()}
    chosen = [configured for configured in EVERYTHING["streams"] if configured["stream"]["name"] == name]
    catalog = ConfiguredAirbyteCatalogSerializer.load({"streams": chosen})
    with account(tmp_path):
        limits = get_limits(config)
        page_of_rows = read_stream(create_source(config, limits, catalog, None), config, catalog, [], limits)
    assert page_of_rows.record
    assert [row for part in page_of_rows.record.data["slices"] for page in part["pages"] for row in page["records"]]
