"""The command line: protocol messages whatever the files hold, and no key in any of them."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from airbyte_cdk.utils.airbyte_secrets_utils import update_secrets

from fake_dialpad.context import Keys
from fake_dialpad.server import FakeDialpad, serve
from source_dialpad import run as command
from source_dialpad.source import SourceDialpad
from unit_tests.cases import every

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fake_dialpad.world import World

SECRET = "sesame-71f2c9d04be8a3561"
CATALOG = {
    "streams": [
        {
            "stream": {"name": "company", "json_schema": {}, "supported_sync_modes": ["full_refresh"]},
            "sync_mode": "full_refresh",
            "destination_sync_mode": "append",
        }
    ]
}
BAD = {
    "no section": {},
    "a key that is missing": {"dialpad": {"base_url": "https://dialpad.com"}, "engagement": {"api_key": SECRET}},
    "a start in the future": {"start_date": "2099-01-01", "dialpad": {"api_key": SECRET}},
    "a zone that is none": {"timezone": "Europe/Belrin", "dialpad": {"api_key": SECRET}},
    "a URL with a password": {"dialpad": {"api_key": SECRET, "base_url": f"https://ann:{SECRET}@dialpad.com"}},
    "a key as the section": {"dialpad": SECRET},
}


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "catalog.json").write_text(json.dumps(CATALOG))
    yield tmp_path
    update_secrets([])


def written(files: Path, config: Any) -> str:
    path = files / "config.json"
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    return str(path)


def ran(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code and the output of a command that ends before the source is built."""
    monkeypatch.setattr(sys, "argv", ["source-dialpad", *arguments])
    monkeypatch.setattr(sys, "__stdout__", sys.stdout)
    monkeypatch.setattr(os, "_exit", sys.exit)  # which would end the tests too
    code: Any = 0
    try:
        command.run()
    except SystemExit as end:
        code = end.code
    return code, capsys.readouterr().out


@every("config", BAD.values())
def test_check_answers_a_bad_configuration_with_a_failed_status_and_exit_code_0(
    config: Any, files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = ran(["check", "--config", written(files, config)], monkeypatch, capsys)
    (message,) = [json.loads(line) for line in out.splitlines()]
    assert (code, message["type"], message["connectionStatus"]["status"]) == (0, "CONNECTION_STATUS", "FAILED")
    assert "Traceback" not in out
    assert SECRET not in out


@every("command", ["discover", "read"])
@every("config", BAD.values())
def test_other_commands_answer_a_bad_configuration_with_one_trace_and_exit_code_1(
    command: str, config: Any, files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--catalog", str(files / "catalog.json")] if command == "read" else []
    code, out = ran([command, "--config", written(files, config), *more], monkeypatch, capsys)
    (message,) = [json.loads(line) for line in out.splitlines()]
    assert (code, message["type"]) == (1, "TRACE")
    assert message["trace"]["error"]["failure_type"] == "config_error"
    assert SECRET not in out


@every("content", ["", "{", "[]", '"text"', "null", f'{{"dialpad": {{"api_key": "{SECRET}"}}', "\udcff"])
def test_a_configuration_file_that_is_no_object_is_named(
    content: str, files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = files / "config.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    code, out = ran(["check", "--config", str(path)], monkeypatch, capsys)
    status = json.loads(out)["connectionStatus"]
    assert (code, status["status"]) == (0, "FAILED")
    assert f"The configuration file {path} has another form than expected" in status["message"]
    assert SECRET not in out


def test_a_configuration_file_that_is_no_json_is_named_with_the_place(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f'{{\n  "dialpad": {{"api_key": "{SECRET}"}}\n  "timezone": "UTC"\n}}'
    _, out = ran(["check", "--config", written(files, text)], monkeypatch, capsys)
    message = json.loads(out)["connectionStatus"]["message"]
    assert " (Expecting ',' delimiter: line 3, column 3)" in message
    assert SECRET not in out


def test_without_a_command_the_usage_is_shown_and_the_exit_code_is_2() -> None:
    ended = subprocess.run([sys.executable, "-m", "source_dialpad.run"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"{command.HELP}\n"
    assert ended.stderr.startswith("usage: source-dialpad {spec,check,discover,read}")
    assert "Name a command: spec, check, discover or read." in ended.stderr


def test_the_help_says_what_the_program_and_its_commands_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = ran(["--help"], monkeypatch, capsys)
    assert (code, out) == (0, f"{command.HELP}\n")
    assert "Reads a company's Dialpad data" in out


@pytest.mark.slow
def test_a_refused_key_is_one_sentence_and_no_stack_trace(files: Path, world: World) -> None:
    with serve(FakeDialpad(world, keys=Keys(dialpad=SECRET))) as url:
        config = written(files, {"dialpad": {"api_key": "another-key-0123456789", "base_url": url}})
        check = command_line("check", "--config", config)[1]
        read = command_line("read", "--config", config, "--catalog", str(files / "catalog.json"))[1]
        debug = command_line("check", "--debug", "--config", config)[1]
    (status,) = [json.loads(line)["connectionStatus"]["message"] for line in check.splitlines()]
    assert status.startswith("dialpad: Dialpad refused dialpad.api_key (401). ")
    told = [line for line in read.splitlines() if "refused dialpad.api_key" in line]
    assert [json.loads(line)["type"] for line in told] == ["TRACE", "TRACE"]  # of the stream, and of the sync
    noise = ("MemoryMonitor", "' request to '", "Traceback", "did not sync successfully")
    assert [text for text in noise if text in read] == []
    assert [text for text in noise[:2] if text in debug] == list(noise[:2])


LOGS_BADLY = """
import logging
from source_dialpad import run, source

spec = source.SourceDialpad.spec


def logs_badly(self, logger):
    logging.getLogger("urllib3").warning("%s of %s", "one value")
    return spec(self, logger)


source.SourceDialpad.spec = logs_badly
run.run()
"""


@pytest.mark.slow
def test_a_broken_log_line_of_a_library_does_not_end_the_command() -> None:
    command = [sys.executable, "-c", LOGS_BADLY, "spec"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert '"SPEC"' in ended.stdout


def test_a_file_that_is_not_there_is_named(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out = ran(["check", "--config", str(files / "none.json")], monkeypatch, capsys)
    assert "none.json cannot be opened: No such file or directory." in json.loads(out)["connectionStatus"]["message"]


@every(
    ("option", "content"),
    [
        ("state", '{"messages": {"ts": 1}}'),
        ("state", "[1]"),
        ("state", '[{"type": "STREAM"}]'),
        ("state", '[{"type": "STREAM", "stream": {"stream_state": {}}}]'),
        ("state", "{"),
        ("catalog", "[]"),
        ("catalog", '{"streams": [{"stream": "company"}]}'),
        ("catalog", "{"),
    ],
)
def test_a_state_or_catalogue_of_another_shape_is_refused_with_the_shape(
    option: str, content: str, files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = files / "bad.json"
    bad.write_text(content)
    paths = {"catalog": files / "catalog.json", option: bad}
    more = [text for name, path in paths.items() for text in (f"--{name}", str(path))]
    config = written(files, {"dialpad": {"api_key": SECRET}})
    code, out = ran(["read", "--config", config, *more], monkeypatch, capsys)
    error = json.loads(out)["trace"]["error"]
    assert (code, error["failure_type"]) == (1, "config_error")
    assert "bad.json has another form than expected" in error["message"]


def test_a_fault_of_our_own_is_one_trace_without_the_key(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(**_: Any) -> None:
        message = f"no idea what to do with {SECRET}"
        raise RuntimeError(message)

    monkeypatch.setattr(SourceDialpad, "__init__", lambda self, **_: broken())
    code, out = ran(["check", "--config", written(files, {"dialpad": {"api_key": SECRET}})], monkeypatch, capsys)
    error = json.loads(out)["trace"]["error"]
    assert (code, error["message"]) == (1, "The connector stopped on an unexpected error: RuntimeError.")
    assert SECRET not in out


def cpu_seconds() -> float:
    """What the commands have cost so far, however busy the machine is."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def command_line(*arguments: str) -> tuple[int, str, float]:
    begin = cpu_seconds()
    done = subprocess.run(
        [sys.executable, "-m", "source_dialpad.run", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr, cpu_seconds() - begin


def test_the_real_command_refuses_a_bad_configuration_within_5_seconds_of_the_processor(files: Path) -> None:
    code, out, seconds = command_line("check", "--config", written(files, BAD["a zone that is none"]))
    (message,) = [json.loads(line) for line in out.splitlines()]
    assert (code, message["connectionStatus"]["status"]) == (0, "FAILED")
    assert seconds < 5


def test_no_key_is_seen_with_debug_not_even_when_the_api_repeats_it(files: Path, world: World) -> None:
    fake = FakeDialpad(world, keys=Keys(dialpad=SECRET))
    fake.faults.add(
        {"fault": "status:400", "path_regex": "/company", "body": json.dumps({"error": {"message": f"no {SECRET}"}})}
    )
    with serve(fake) as url:
        config = written(files, {"dialpad": {"api_key": f" {SECRET}\n", "base_url": url}})
        code, out, _ = command_line("read", "--debug", "--config", config, "--catalog", str(files / "catalog.json"))
    assert code == 1
    assert "no ****" in out
    assert SECRET not in out
