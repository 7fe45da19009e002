"""The command line: source-dialpad spec | check | discover | read."""

from __future__ import annotations

import sys

import orjson
from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.logger import PRINT_BUFFER
from airbyte_cdk.models import AirbyteMessage, AirbyteMessageSerializer, FailureType
from airbyte_cdk.utils.memory_monitor import MemoryMonitor
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.batches import MOST_ROWS, BatchMessage
from source_dialpad.cdk_overrides import install_batches
from source_dialpad.source import SourceDialpad


def build(arguments: list[str]) -> SourceDialpad:
    """The source with the files that the arguments name."""
    parsed = AirbyteEntrypoint.parse_args(arguments)
    paths = {name: getattr(parsed, name, None) for name in ("catalog", "config", "state")}
    return SourceDialpad(
        catalog=SourceDialpad.read_catalog(paths["catalog"]) if paths["catalog"] else None,
        config=SourceDialpad.read_config(paths["config"]) if paths["config"] else None,
        state=SourceDialpad.read_state(paths["state"]) if paths["state"] else None,
        config_path=paths["config"],
    )


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
    entrypoint = AirbyteEntrypoint(source)
    # the memory guard looks every so many messages, and a batch is one
    entrypoint._memory_monitor = MemoryMonitor(check_interval=5000 // MOST_ROWS)  # noqa: SLF001
    with PRINT_BUFFER:
        for message in entrypoint.run(entrypoint.parse_args(arguments)):
            if isinstance(message, BatchMessage):
                with PRINT_BUFFER.lock:
                    PRINT_BUFFER.flush()
                    sys.__stdout__.buffer.write(b"\n".join((*message.lines, b"")))  # type: ignore[union-attr]
            else:
                print(f"{message}\n", end="")  # noqa: T201  # standard output is the protocol


def _refuse(arguments: list[str], error: AirbyteTracedException) -> None:
    status = error.as_connection_status_message()
    if arguments[:1] == ["check"] and error.failure_type == FailureType.config_error and status:
        _print(status)
        return
    _print(error.as_airbyte_message())
    sys.exit(1)


def _print(message: AirbyteMessage) -> None:
    sys.stdout.write(orjson.dumps(AirbyteMessageSerializer.dump(message)).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run()
