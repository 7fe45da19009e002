"""The commands: source-dialpad spec | check | discover | read."""

from __future__ import annotations

import gc
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TextIO, TypeVar, cast

import orjson
from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.logger import PRINT_BUFFER, is_platform_debug_log_enabled
from airbyte_cdk.models import AirbyteMessage, AirbyteMessageSerializer, ConnectorSpecification, FailureType
from airbyte_cdk.sources.connector_state_manager import HashableStreamDescriptor
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets
from airbyte_cdk.utils.memory_monitor import MemoryMonitor
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.errors import config_error, system_error
from source_dialpad.source import SourceDialpad, resolved_manifest
from source_dialpad.sync.batches import BATCHES, MAX_ROWS, BatchMessage

File = TypeVar("File")

INTERRUPTED: Final = 130  # the exit code of a program that Ctrl-C ended

HELP: Final = """usage: source-dialpad {spec,check,discover,read} ...
Name a command: spec, check, discover or read. `source-dialpad COMMAND --help` lists the files it takes.

Reads a company's Dialpad data, and writes rows and states to standard output as messages of the Airbyte protocol.

  spec      describes the configuration, as a JSON Schema
  check     asks each configured API whether it answers and takes the key
  discover  lists the streams that the configuration brings
  read      reads the streams of a catalog, from a state if there is one"""

# Lines of the CDK's log that say once more what an error says, or nothing to a user: for `--debug` alone.
_REPEATED: Final = re.compile(
    "MemoryMonitor inst|Check failed|During the sync, the|'[A-Z]+' request to '.*' failed with "
)

_SHAPES: Final = {
    "configuration": "one JSON object, in UTF-8, as `source-dialpad spec` describes it",
    "catalog": 'one JSON object {"streams": [{"stream": …, "sync_mode": …, "destination_sync_mode": …}]}',
    "state": 'a JSON list of {"type": "STREAM", "stream": {"stream_descriptor": {"name": …}, "stream_state": {…}}}',
}


def run() -> None:
    """Runs the command of `sys.argv`; whatever goes wrong is one protocol message and a non-zero exit code.

    `check` answers a bad configuration with a failed connection status and exit code 0, as the platform expects;
    `discover` and `read` with an error trace and exit code 1.
    """
    arguments = sys.argv[1:]
    is_debug = "--debug" in arguments or is_platform_debug_log_enabled()
    if arguments[:1] in ([], ["-h"], ["--help"]):
        print(HELP, file=sys.stdout if arguments else sys.stderr)
        sys.exit(0 if arguments else 2)
    try:
        launch(build(arguments), arguments)
    except KeyboardInterrupt:
        _end(INTERRUPTED, system_error("The sync was interrupted (Ctrl-C); the next one goes on from the last state."))
    except AirbyteTracedException as error:
        is_status = arguments[0] == "check" and error.failure_type == FailureType.config_error
        _end(0 if is_status else 1, error, with_trace=is_debug)
    except Exception as error:  # noqa: BLE001  # whatever it is, the platform expects a protocol message
        text = f"The connector stopped on an unexpected error: {type(error).__name__}."
        _end(1, AirbyteTracedException.from_exception(error, message=text), with_trace=True)


def _end(code: int, error: AirbyteTracedException, *, with_trace: bool = False) -> None:
    """Writes the error and ends the process without waiting for its threads, which nobody takes rows from any more."""
    message = error.as_airbyte_message() if code else error.as_connection_status_message()
    if message.trace and not with_trace:  # type: ignore[union-attr]  # a status is made of config errors alone
        message.trace.error.stack_trace = None  # type: ignore[union-attr]
        if error.internal_message == error.message:
            message.trace.error.internal_message = None  # type: ignore[union-attr]
    line = filter_secrets(orjson.dumps(AirbyteMessageSerializer.dump(message)).decode())  # type: ignore[arg-type]
    stdout, stderr = cast("TextIO", sys.__stdout__), cast("TextIO", sys.__stderr__)  # past the CDK's print buffer
    start = "\n" if code == INTERRUPTED else ""  # behind a line that was being written
    try:
        stdout.write(f"{start}{line}\n")
        stdout.flush()
    except OSError:  # standard output is what is broken
        stderr.write(f"{filter_secrets(error.message or '')}\n")
        stderr.flush()
    os._exit(code)


def build(arguments: list[str]) -> SourceDialpad:
    """The source with the files that the arguments name; a config error for a file that cannot be read."""
    paths = vars(AirbyteEntrypoint.parse_args(arguments))
    config = _load("configuration", paths.get("config"), SourceDialpad.read_config)
    if config is not None:  # the entrypoint masks secrets later; errors of the configuration come before
        AirbyteEntrypoint.set_up_secret_filter(config, resolved_manifest()["spec"]["connection_specification"])
    catalog = _load("catalog", paths.get("catalog"), SourceDialpad.read_catalog)
    state = _load("state", paths.get("state"), SourceDialpad.read_state)
    return SourceDialpad(catalog=catalog, config=config, state=state, config_path=paths.get("config"))


def _load(kind: str, path: str | None, read: Callable[[str], File]) -> File | None:
    if path is None:
        return None
    try:
        return read(path)
    except OSError as error:
        raise config_error(f"The {kind} file {path} cannot be opened: {error.strerror}.") from error
    except Exception as error:  # noqa: BLE001  # the CDK's readers raise whatever their parsers do
        fault = error.__context__  # its `msg` quotes nothing
        at = (
            f" ({fault.msg}: line {fault.lineno}, column {fault.colno})"
            if isinstance(fault, json.JSONDecodeError)
            else ""
        )
        raise config_error(f"The {kind} file {path} has another form than expected{at}: {_SHAPES[kind]}.") from (
            None if kind == "configuration" else error  # a parser's text may hold a key
        )


class BatchWritingEntrypoint(AirbyteEntrypoint):
    """The CDK's entrypoint, but for batches: their lines go to standard output as the bytes they are."""

    def __init__(self, source: SourceDialpad) -> None:
        super().__init__(source)
        self._memory_monitor = MemoryMonitor(check_interval=5000 // MAX_ROWS)  # in messages, and a batch is one

    def read(
        self, source_spec: ConnectorSpecification, config: Mapping[str, Any], catalog: Any, state: list[Any]
    ) -> Iterable[AirbyteMessage]:
        """The messages of a read without its batches, which are written when their turn comes."""
        BATCHES.open()
        try:
            for message in super().read(source_spec, config, catalog, state):
                if isinstance(message, BatchMessage):
                    with PRINT_BUFFER.lock:
                        PRINT_BUFFER.flush()
                        sys.__stdout__.buffer.write(b"\n".join((*message.lines, b"")))  # type: ignore[union-attr]
                else:
                    yield message
        finally:
            BATCHES.close()

    @staticmethod
    def handle_record_counts(
        message: AirbyteMessage, stream_message_count: dict[HashableStreamDescriptor, float]
    ) -> AirbyteMessage:
        """Counts the rows of a batch towards the next state of their stream."""
        if not isinstance(message, BatchMessage):
            return AirbyteEntrypoint.handle_record_counts(message, stream_message_count)  # type: ignore[arg-type]
        stream_message_count[HashableStreamDescriptor(name=message.record.stream)] += float(len(message.lines))  # type: ignore[union-attr]
        return message


def launch(source: SourceDialpad, arguments: list[str]) -> None:
    """Runs the command."""
    for handler in () if "--debug" in arguments or is_platform_debug_log_enabled() else logging.getLogger().handlers:
        handler.addFilter(lambda record: not _REPEATED.match(str(record.msg)))
    logging.raiseExceptions = False  # a log line that cannot be written is no reason for a stack trace
    gc.freeze()  # the collector then no longer walks through the CDK, thousands of times: a quarter of a read's time
    gc.set_threshold(10_000, *gc.get_threshold()[1:])  # a page of rows is thousands of objects and holds no cycle
    entrypoint = BatchWritingEntrypoint(source)
    try:
        with PRINT_BUFFER:
            for message in entrypoint.run(entrypoint.parse_args(arguments)):
                print(f"{message}\n", end="")  # noqa: T201  # standard output is the protocol
        sys.stdout.flush()
    except OSError as error:
        raise system_error(f"The rows could not be written to standard output: {error.strerror or error}.") from error


if __name__ == "__main__":
    run()
