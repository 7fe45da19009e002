"""The commands: source-dialpad spec | check | discover | read."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import orjson
from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.logger import PRINT_BUFFER
from airbyte_cdk.models import AirbyteMessage, AirbyteMessageSerializer, FailureType
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets
from airbyte_cdk.utils.memory_monitor import MemoryMonitor
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.cdk_overrides import install_batches
from source_dialpad.errors import config_error
from source_dialpad.manifest import composed_manifest
from source_dialpad.source import SourceDialpad
from source_dialpad.sync.batches import MOST_ROWS, BatchMessage
from source_dialpad.transport.heartbeat import Heartbeat

File = TypeVar("File")

ALLOCATIONS_A_SEARCH: Final = 10_000
"""How many more objects there may be before the collector looks for cycles; a page of rows is thousands of objects."""


def build(arguments: list[str]) -> SourceDialpad:
    """The source with the files that the arguments name; a config error for a file that cannot be read."""
    parsed = AirbyteEntrypoint.parse_args(arguments)
    paths = {name: getattr(parsed, name, None) for name in ("config", "catalog", "state")}
    config = _file("configuration", paths["config"], SourceDialpad.read_config)
    if config is not None:
        _mask_secrets_of(config)
    return SourceDialpad(
        catalog=_file("catalogue", paths["catalog"], SourceDialpad.read_catalog),
        config=config,
        state=_file("state", paths["state"], SourceDialpad.read_state),
        config_path=paths["config"],
    )


def _file(kind: str, path: str | None, read: Callable[[str], File]) -> File | None:
    if path is None:
        return None
    try:
        return read(path)
    except OSError as error:
        raise config_error(f"The {kind} file {path} cannot be opened: {error.strerror}.") from error
    except Exception as error:  # noqa: BLE001  # the CDK's readers raise whatever their parsers do
        raise config_error(
            f"The {kind} file {path} is not what the Airbyte protocol wants of it: {_SHAPES[kind]}."
        ) from (None if kind == "configuration" else error)  # a parser's text may hold a key


_SHAPES = {
    "configuration": "one JSON object, in UTF-8, as `source-dialpad spec` describes it",
    "catalogue": 'one JSON object {"streams": [{"stream": …, "sync_mode": …, "destination_sync_mode": …}]}',
    "state": 'a JSON list of {"type": "STREAM", "stream": {"stream_descriptor": {"name": …}, "stream_state": {…}}}',
}


def _mask_secrets_of(config: Mapping[str, Any]) -> None:
    """The CDK masks secrets from `launch` on; errors of the configuration come before."""
    AirbyteEntrypoint.set_up_secret_filter(config, composed_manifest()["spec"]["connection_specification"])


def run() -> None:
    """Runs one command; what keeps the source from being built is one protocol message and not a traceback.

    `check` answers a bad configuration with a failed connection status and exit code 0, as the platform wants it;
    `discover` and `read` with an error trace and exit code 1.
    """
    arguments = sys.argv[1:]
    try:
        source = build(arguments)
    except AirbyteTracedException as error:
        _refuse(arguments, error)
    except Exception as error:  # noqa: BLE001  # whatever it is, the platform wants a protocol message
        text = f"The connector could not start: {type(error).__name__}."
        _refuse(arguments, AirbyteTracedException.from_exception(error, message=text))
    else:
        _launch(source, arguments)


def _launch(source: SourceDialpad, arguments: list[str]) -> None:
    """What the CDK's `launch` does, but that batches of records go to standard output as the bytes they are."""
    install_batches()
    _look_for_cycles_less_often()
    entrypoint = AirbyteEntrypoint(source)
    # the memory guard looks every so many messages, and a batch is one
    entrypoint._memory_monitor = MemoryMonitor(check_interval=5000 // MOST_ROWS)  # noqa: SLF001
    with PRINT_BUFFER, Heartbeat() as heartbeat:
        for message in entrypoint.run(entrypoint.parse_args(arguments)):
            if isinstance(message, BatchMessage):
                with PRINT_BUFFER.lock:
                    PRINT_BUFFER.flush()
                    sys.__stdout__.buffer.write(b"\n".join((*message.lines, b"")))  # type: ignore[union-attr]
            else:
                print(f"{message}\n", end="")  # noqa: T201  # standard output is the protocol
            heartbeat.heard()


def _look_for_cycles_less_often() -> None:
    """Rows hold no cycles, but the collector would walk through them, and through all of the CDK, thousands of times.

    It took a quarter of the time in which messages and records were read.
    """
    gc.freeze()
    gc.set_threshold(ALLOCATIONS_A_SEARCH, *gc.get_threshold()[1:])


def _refuse(arguments: list[str], error: AirbyteTracedException) -> None:
    status = error.as_connection_status_message()
    if arguments[:1] == ["check"] and error.failure_type == FailureType.config_error and status:
        _print(status)
        return
    _print(error.as_airbyte_message())
    sys.exit(1)


def _print(message: AirbyteMessage) -> None:
    sys.stdout.write(filter_secrets(orjson.dumps(AirbyteMessageSerializer.dump(message)).decode()) + "\n")
    sys.stdout.flush()
