import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests_mock

from event_receiver import run as run_module
from event_receiver.delivery import Event
from event_receiver.metrics import Metrics
from event_receiver.run import run
from event_receiver.store import Store
from unit_tests.receiver.in_process import READ_KEY, SECRET

URL = "https://calls.example.com/events"
API_KEY = "unit-dialpad-098f6bcd4621d373cade4e832627b4f6"
PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The apps that would have been served; nothing listens."""
    apps: list[Any] = []
    monkeypatch.setattr(run_module, "listen", lambda host, port: (host, port))
    monkeypatch.setattr(run_module, "serve", lambda app, listening, _figures: apps.append((app, listening)))
    monkeypatch.setattr("os.umask", lambda _mask: 0)
    return apps


Refuse = Callable[..., str]


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refuse:
    """Run a command that must be refused as a wrong setting; return what it says."""

    def refuse(*arguments: str, **environ: str) -> str:
        assert run(list(arguments), environ) == 2
        return capsys.readouterr().err

    return refuse


@pytest.mark.parametrize("command", [[], ["serve"]])
def test_without_a_command_it_serves_on_localhost(served: list[Any], database: str, command: list[str]) -> None:
    assert run([*command, "--database", database], {}) == 0
    assert served[0][1] == ("localhost", 8080)


def test_host_port_and_database_are_taken_from_flags_and_environment(served: list[Any], database: str) -> None:
    assert run(["--host", "0.0.0.0", "--port", "9000"], {"EVENT_RECEIVER_DATABASE": database}) == 0  # noqa: S104
    assert served[0][1] == ("0.0.0.0", 9000)  # noqa: S104


def test_starting_makes_the_tables(served: list[Any], database: str, tmp_path: Path) -> None:
    run(["--database", database], {"EVENT_RECEIVER_SECRET": SECRET, "EVENT_RECEIVER_READ_KEY": READ_KEY})
    assert (tmp_path / "events.db").exists()


def test_a_receiver_whose_postgres_is_away_starts_and_waits_for_it(
    served: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_receiver.store.LOCK_SECONDS", 1)
    assert run(["--database", "postgresql://nobody@localhost:1/events"], {}) == 0
    assert len(served) == 1


def test_secrets_may_stand_in_files(served: list[Any], database: str, tmp_path: Path) -> None:
    secrets, key = tmp_path / "secrets", tmp_path / "key"
    secrets.write_text(f"{SECRET}\n{SECRET[::-1]}\n")
    key.write_text(READ_KEY)
    flags = ["--secret-file", str(secrets), "--read-key-file", str(key)]
    assert run(["--database", database, *flags], {}) == 0


@pytest.mark.parametrize("name", ["EVENT_RECEIVER_SECRET", "EVENT_RECEIVER_READ_KEY"])
def test_a_secret_that_is_set_and_empty_does_not_open_the_receiver(
    refused: Refuse, served: list[Any], database: str, name: str
) -> None:
    assert f"{name} is empty" in refused("--database", database, **{name: " "})
    assert served == []


def test_a_secret_given_twice_is_refused(refused: Refuse, database: str, tmp_path: Path) -> None:
    said = refused("--database", database, "--secret-file", str(tmp_path), EVENT_RECEIVER_SECRET=SECRET)
    assert "Both EVENT_RECEIVER_SECRET and --secret-file" in said
    assert SECRET not in said


def test_a_secret_file_that_cannot_be_read_is_named(refused: Refuse, database: str, tmp_path: Path) -> None:
    assert "nothing-here" in refused("--database", database, "--secret-file", str(tmp_path / "nothing-here"))


def test_a_database_is_needed(refused: Refuse) -> None:
    assert "--database sqlite:///events.db" in refused("serve")


def test_a_database_file_that_is_none_is_refused(refused: Refuse, served: list[Any], tmp_path: Path) -> None:
    (tmp_path / "events.db").write_text("not a database, only text that is long enough to be read as one" * 20)
    assert "Cannot" in refused("--database", f"sqlite:///{tmp_path}/events.db")
    assert served == []


def test_an_address_that_is_not_to_be_had_is_refused(
    refused: Refuse, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(_host: str, _port: int) -> None:
        raise OSError(98, "Address already in use")

    monkeypatch.setattr(run_module, "listen", taken)
    monkeypatch.setattr("os.umask", lambda _mask: 0)
    assert "port 8080: Address already in use" in refused("--database", database)


def test_prune_removes_what_is_older_and_says_how_many(
    database: str, clock: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    clock.now = 1_000_000
    store = Store(database, clock=clock)
    store.keep([Event("a" * 64, "{}"), Event("b" * 64, "{}")])
    store.close()
    assert run(["prune", "--keep-days", "90", "--database", database], {}) == 0
    assert capsys.readouterr().out == "2 events removed\n"


# Registering


@pytest.fixture
def api() -> Any:
    with requests_mock.Mocker() as mocker:
        empty: dict[str, Any] = {"items": []}
        webhook = {"id": "7", "hook_url": URL, "signature": {"secret": SECRET}}
        mocker.get("https://dialpad.com/api/v2/webhooks", json=empty)
        mocker.get("https://dialpad.com/api/v2/subscriptions/call", json=empty)
        mocker.post("https://dialpad.com/api/v2/webhooks", json=webhook)
        mocker.post("https://dialpad.com/api/v2/subscriptions/call", json={"id": "8", "webhook": webhook})
        yield mocker


ENVIRONMENT = {"DIALPAD_API_KEY": API_KEY, "EVENT_RECEIVER_SECRET": SECRET}


def test_register_sends_the_receivers_secret_and_prints_none(api: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["register", "--url", URL, "--states", "hangup, voicemail"], ENVIRONMENT) == 0
    posted = {request.path: request.json() for request in api.request_history if request.method == "POST"}
    assert posted == {
        "/api/v2/webhooks": {"hook_url": URL, "secret": SECRET},
        "/api/v2/subscriptions/call": {
            "endpoint_id": 7,
            "call_states": ["hangup", "voicemail"],
            "enabled": True,
            "group_calls_only": False,
        },
    }
    printed = capsys.readouterr()
    assert printed.out == "webhook 7 made\nsubscription 8 made\n"
    assert SECRET not in printed.out + printed.err
    assert api.last_request.headers["Authorization"] == f"Bearer {API_KEY}"


def test_list_and_remove_go_to_the_base_url(api: Any, capsys: pytest.CaptureFixture[str]) -> None:
    api.get("https://sandbox.dialpad.com/api/v2/webhooks", json={})
    api.get("https://sandbox.dialpad.com/api/v2/subscriptions/call", json={})
    base = ["--base-url", "https://sandbox.dialpad.com"]
    assert run(["list", *base], ENVIRONMENT) == 0
    assert run(["remove", "--url", URL, *base], ENVIRONMENT) == 0
    assert capsys.readouterr().out == f"no webhooks\nnothing to remove: no webhook has the URL {URL}\n"


def test_a_refusal_of_dialpad_is_told_and_ends_with_1(api: Any, capsys: pytest.CaptureFixture[str]) -> None:
    api.get("https://dialpad.com/api/v2/webhooks", status_code=401)
    assert run(["list"], ENVIRONMENT) == 1
    said = capsys.readouterr().err
    assert "401" in said
    assert API_KEY not in said


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["register", "--url", "calls.example.com/events"], "is not a URL"),
        (["register", "--url", "http://calls.example.com/events"], "must begin with https"),
        (["register", "--url", URL, "--target-type", "office"], "--target-id"),
    ],
)
def test_a_registration_that_cannot_be_meant_is_refused(refused: Refuse, arguments: list[str], text: str) -> None:
    assert text in refused(*arguments, **ENVIRONMENT)


def test_registering_without_a_secret_must_be_said(refused: Refuse, api: Any) -> None:
    assert "--unsigned" in refused("register", "--url", URL, DIALPAD_API_KEY=API_KEY)
    assert run(["register", "--url", URL, "--unsigned"], {"DIALPAD_API_KEY": API_KEY}) == 0
    assert api.request_history[2].json() == {"hook_url": URL}


def test_registering_needs_the_companys_key(refused: Refuse) -> None:
    assert "DIALPAD_API_KEY" in refused("list")


def test_a_url_with_another_path_is_remarked_on(api: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["register", "--url", "https://calls.example.com/hook"], ENVIRONMENT) == 0
    assert "/events" in capsys.readouterr().err


# The page


def test_every_flag_command_and_variable_stands_on_the_page() -> None:
    source = Path(run_module.__file__).read_text(encoding="utf-8")
    named = {*re.findall(r'"(--[a-z-]+)"', source), *re.findall(r"\b(?:EVENT_RECEIVER|DIALPAD)_[A-Z_]+", source)}
    named |= {f"dialpad-event-receiver {command}" for command in run_module.COMMANDS if command != "serve"}
    assert {name for name in named if name not in PAGE} == {"--help"}


def test_every_flag_on_the_page_exists() -> None:
    source = Path(run_module.__file__).read_text(encoding="utf-8")
    flags = re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE)
    assert {flag for flag in flags if f'"{flag}"' not in source} == set()


def test_every_error_of_an_answer_stands_on_the_page_and_no_other() -> None:
    package = Path(run_module.__file__).parent
    source = "\n".join(path.read_text(encoding="utf-8") for path in package.glob("*.py"))
    raised = set(re.findall(r'RefusedError\(\s*\d{3},\s*"(\w+)"', source)) | {"not_found", "method_not_allowed"}
    assert raised == set(re.findall(r"^\| `(\w+)` \| \d{3} \|", PAGE, re.MULTILINE))


def test_every_figure_stands_on_the_page() -> None:
    names = re.findall(r"^# TYPE (\w+)", Metrics().text(), re.MULTILINE)
    assert {name for name in names if name not in PAGE} == set()
