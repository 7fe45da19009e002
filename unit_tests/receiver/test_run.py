import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
import requests_mock

from event_receiver import run as run_module
from event_receiver.delivery import Deliveries, Event
from event_receiver.kinds import KINDS
from event_receiver.metrics import Metrics
from event_receiver.run import run
from event_receiver.store import Store
from unit_tests.receiver.in_process import READ_KEY, SECRET, InProcess

URL = "https://events.example.com/events"
API_KEY = "unit-dialpad-098f6bcd4621d373cade4e832627b4f6"
PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The apps that would have been served; nothing listens."""
    apps: list[Any] = []
    monkeypatch.setattr("uvicorn.run", lambda app, host, port, **_: apps.append((app, (host, port))))
    monkeypatch.setattr("os.umask", lambda _mask: 0)
    return apps


Refuse = Callable[..., str]


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refuse:
    """Run a command that must be refused as a wrong setting; return what it says."""

    def refuse(*arguments: str, **environ: str) -> str:
        try:
            status: object = run(list(arguments), environ)
        except SystemExit as ended:
            status = ended.code
        assert status == 2
        return capsys.readouterr().err

    return refuse


def test_without_a_command_it_serves_on_localhost(served: list[Any], database: str) -> None:
    assert [run([*command, "--database", database], {}) for command in ([], ["serve"])] == [0, 0]
    assert [listening for _, listening in served] == [("localhost", 8080)] * 2


def test_host_port_and_database_are_taken_from_flags_and_environment(served: list[Any], database: str) -> None:
    assert run(["--host", "0.0.0.0", "--port", "9000"], {"EVENT_RECEIVER_DATABASE": database}) == 0  # noqa: S104
    assert served[0][1] == ("0.0.0.0", 9000)  # noqa: S104


def test_starting_makes_the_tables(served: list[Any], database: str, tmp_path: Path) -> None:
    run(["--database", database], {"EVENT_RECEIVER_SECRET": SECRET, "EVENT_RECEIVER_READ_KEY": READ_KEY})
    assert (tmp_path / "events.db").exists()


def test_a_short_secret_is_named_once_and_with_the_cure(
    served: list[Any], database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--database", database], {"EVENT_RECEIVER_SECRET": "short"}) == 0
    signed = jwt.encode({"call_id": "1"}, "short", "HS256").encode()  # a warning of the library would be an error
    assert Deliveries(["short"], clock=time.time).event(signed).payload == '{"call_id":"1"}'
    err = capsys.readouterr().err
    assert err.count("shorter than 32 bytes") == err.count("openssl rand -hex 32") == 1
    assert run(["--database", database], {"EVENT_RECEIVER_SECRET": SECRET}) == 0
    assert "shorter than" not in capsys.readouterr().err


def test_a_receiver_whose_postgres_is_away_starts_and_waits_for_it(
    served: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_receiver.database.LOCK_SECONDS", 1)
    assert run(["--database", "postgresql://nobody@localhost:1/events"], {}) == 0
    assert len(served) == 1


def test_a_secret_that_is_set_and_empty_does_not_open_the_receiver(
    refused: Refuse, served: list[Any], database: str
) -> None:
    for name in ("EVENT_RECEIVER_SECRET", "EVENT_RECEIVER_SECRET_PREVIOUS", "EVENT_RECEIVER_READ_KEY"):
        environ = {"EVENT_RECEIVER_SECRET": SECRET, name: " "}
        assert f"{name} is empty" in refused("--database", database, **environ)
    assert served == []


def test_a_former_secret_alone_does_not_open_the_receiver(refused: Refuse, served: list[Any], database: str) -> None:
    said = refused("--database", database, EVENT_RECEIVER_SECRET_PREVIOUS=SECRET)
    assert "EVENT_RECEIVER_SECRET_PREVIOUS is set but EVENT_RECEIVER_SECRET is not" in said
    assert served == []


def test_a_database_is_needed(refused: Refuse) -> None:
    assert "--database sqlite:///events.db" in refused("serve")


def test_a_database_file_that_is_none_is_refused(refused: Refuse, served: list[Any], tmp_path: Path) -> None:
    (tmp_path / "events.db").write_text("not a database, only text that is long enough to be read as one" * 20)
    assert "Cannot" in refused("--database", f"sqlite:///{tmp_path}/events.db")
    assert "/nowhere/at/all/events.db: unable to open" in refused("--database", "sqlite:////nowhere/at/all/events.db")
    assert served == []


def test_prune_removes_what_is_older_and_says_how_many(
    database: str, clock: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    clock.now = 1_000_000
    store = Store(database, clock=clock)
    store.append([Event("a" * 64, "{}"), Event("b" * 64, "{}")])
    store.close()
    assert run(["prune", "--keep-days", "90", "--database", database], {}) == 0
    assert capsys.readouterr().out == "2 events removed\n"


def test_prune_refuses_a_number_of_days_that_would_remove_everything(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for days in ("nan", "-1", "0", "inf", "1e300", "ten"):
        with pytest.raises(SystemExit):
            run(["prune", f"--keep-days={days}", "--database", database], {})
        assert f"{days} is not a number of days above 0" in capsys.readouterr().err


# Registering


BASE = "https://dialpad.com/api/v2"


@pytest.fixture
def api() -> Iterator[requests_mock.Mocker]:
    """A Dialpad without webhooks."""
    with requests_mock.Mocker() as mocker:
        mocker.get(re.compile(f"^{BASE}/"), json={"items": []})
        mocker.post(f"{BASE}/webhooks", json=lambda request, _: {**request.json(), "id": "7"})
        mocker.post(re.compile(f"^{BASE}/subscriptions/"), json={"id": "8", "webhook": {"id": "7"}})
        yield mocker


ENVIRONMENT = {"DIALPAD_API_KEY": API_KEY, "EVENT_RECEIVER_SECRET": SECRET}


def posted(api: requests_mock.Mocker) -> list[tuple[str, dict[str, Any]]]:
    return [
        (request.path.removeprefix("/api/v2/"), request.json())
        for request in api.request_history
        if request.method == "POST"
    ]


def test_register_sends_the_receivers_secret_and_prints_none(
    api: requests_mock.Mocker, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["register", "--url", URL, "--kinds", "call,sms", "--states", "hangup, voicemail"]
    assert run(command, ENVIRONMENT) == 0
    sms = {"direction": "all", "include_internal": True, "status": True}
    call = {"call_states": ["hangup", "voicemail"], "group_calls_only": False}
    assert posted(api) == [
        ("webhooks", {"hook_url": f"{URL}/call", "secret": SECRET}),
        ("subscriptions/call", {"endpoint_id": 7, "enabled": True, **call}),
        ("webhooks", {"hook_url": f"{URL}/sms", "secret": SECRET}),
        ("subscriptions/sms", {"endpoint_id": 7, "enabled": True, **sms}),
    ]
    printed = capsys.readouterr()
    assert printed.out.splitlines()[:2] == [f"call: webhook 7 created for {URL}/call", "call: subscription 8 created"]
    assert SECRET not in printed.out + printed.err
    assert {request.headers["Authorization"] for request in api.request_history} == {f"Bearer {API_KEY}"}


def test_without_kinds_every_kind_but_channel_is_registered(api: requests_mock.Mocker) -> None:
    assert run(["register", "--url", URL], ENVIRONMENT) == 0
    assert [path for path, _ in posted(api) if path != "webhooks"] == [
        f"subscriptions/{kind}" for kind in ("call", "sms", "agent_status", "contact", "contact", "changelog", "fax")
    ]
    api.reset_mock()
    assert (
        run(["register", "--url", URL, "--kinds", "channel", "--channel-id", "5", "--channel-id", "6"], ENVIRONMENT)
        == 0
    )
    assert [body["target_id"] for path, body in posted(api) if path == "subscriptions/channel"] == [5, 6]


def test_a_target_limits_the_kinds_that_can_be_limited(api: requests_mock.Mocker) -> None:
    assert run(["register", "--url", URL, "--target-type", "office", "--target-id", "9"], ENVIRONMENT) == 0
    subscribed = {path: body for path, body in posted(api) if path != "webhooks"}
    assert set(subscribed) == {"subscriptions/call", "subscriptions/sms", "subscriptions/fax"}
    assert {(body["target_type"], body["target_id"]) for body in subscribed.values()} == {("office", 9)}


def test_a_dry_run_prints_what_would_be_done_and_changes_nothing(
    api: requests_mock.Mocker, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["register", "--url", URL, "--kinds", "fax", "--dry-run"], ENVIRONMENT) == 0
    assert posted(api) == []
    assert capsys.readouterr().out.splitlines() == [
        f"fax: webhook (new) created for {URL}/fax (dry run: not done)",
        "fax: subscription (new) created (dry run: not done)",
    ]
    webhook = {"id": "7", "hook_url": f"{URL}/fax"}
    api.get(f"{BASE}/webhooks", json={"items": [webhook]})
    api.get(f"{BASE}/subscriptions/fax", json={"items": [{"id": "8", "webhook": webhook}]})
    assert run(["remove", "--url", URL, "--dry-run"], ENVIRONMENT) == 0
    assert "fax: webhook 7 removed (dry run: not done)" in capsys.readouterr().out
    assert {request.method for request in api.request_history} == {"GET"}


def test_list_and_remove_go_to_the_base_url(api: requests_mock.Mocker, capsys: pytest.CaptureFixture[str]) -> None:
    api.get(re.compile("^https://sandbox.dialpad.com/api/v2/"), json={})
    base = ["--base-url", "https://sandbox.dialpad.com"]
    assert run(["list", *base], ENVIRONMENT) == 0
    assert run(["remove", "--url", URL, *base], ENVIRONMENT) == 0
    nothing = f"nothing to remove: no webhook has the URL {URL} or one below it"
    assert capsys.readouterr().out.splitlines() == ["no webhooks", nothing]
    assert {request.hostname for request in api.request_history} == {"sandbox.dialpad.com"}


def test_a_refusal_of_dialpad_is_printed_and_ends_with_1(
    api: requests_mock.Mocker, capsys: pytest.CaptureFixture[str]
) -> None:
    api.get(re.compile(f"^{BASE}/"), status_code=401)
    assert run(["list"], ENVIRONMENT) == 1
    said = capsys.readouterr().err
    assert "401" in said
    assert API_KEY not in said


def test_a_registration_that_cannot_be_meant_is_refused(refused: Refuse, api: requests_mock.Mocker) -> None:
    wrong = {
        ("--url", "events.example.com/events"): "is not a URL",
        ("--url", "http://events.example.com/events"): "must begin with https",
        ("--url", "http://127.0.0.1.example.com/events"): "must begin with https",
        ("--url", f"{URL}/sms"): "names a kind",
        ("--url", URL, "--target-type", "office"): "--target-id",
        ("--url", URL, "--kinds", "channel"): "--channel-id",
        ("--url", URL, "--kinds", "contact", "--target-type", "office", "--target-id", "9"): "whole company",
    }
    said = {arguments: refused("register", *arguments, **ENVIRONMENT) for arguments in wrong}
    assert {arguments: said[arguments] for arguments, text in wrong.items() if text not in said[arguments]} == {}
    assert api.request_history == []


def test_the_url_may_be_plain_http_on_this_machine(api: requests_mock.Mocker) -> None:
    for host in ("localhost:8080", "127.0.0.1:8080", "[::1]:8080"):
        assert run(["register", "--url", f"http://{host}/events", "--kinds", "call"], ENVIRONMENT) == 0


def test_a_kind_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for kinds in ("email", "call,email", ","):
        with pytest.raises(SystemExit):
            run(["register", "--url", URL, "--kinds", kinds], ENVIRONMENT)
        assert "there are call, sms, agent_status, contact, change_log, channel, fax" in capsys.readouterr().err


def test_registering_needs_the_receivers_secret(refused: Refuse, api: requests_mock.Mocker) -> None:
    assert "EVENT_RECEIVER_SECRET is not set" in refused("register", "--url", URL, DIALPAD_API_KEY=API_KEY)
    assert api.request_history == []


def test_the_host_of_the_url_is_registered_in_small_letters(api: requests_mock.Mocker) -> None:
    command = ["register", "--url", "HTTPS://Events.Example.com/events/", "--kinds", "call"]
    assert run(command, ENVIRONMENT) == 0
    assert posted(api)[0][1]["hook_url"] == f"{URL}/call"


def test_registering_needs_the_companys_key(refused: Refuse) -> None:
    assert "DIALPAD_API_KEY" in refused("list")


def test_a_url_with_another_path_is_remarked_on(api: requests_mock.Mocker, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["register", "--url", "https://events.example.com/hook"], ENVIRONMENT) == 0
    assert "/events" in capsys.readouterr().err


# Sending a test event


@pytest.fixture
def reached(signed_receiver: InProcess) -> Iterator[tuple[InProcess, requests_mock.Mocker]]:
    """A receiver at URL."""

    def answer(request: Any, context: Any) -> bytes:
        body = request.body if isinstance(request.body, bytes) else request.body.encode()
        response = signed_receiver.post(body, path=request.path)
        context.status_code = response.status_code
        return response.content

    with requests_mock.Mocker() as mocker:
        mocker.post(re.compile(f"^{URL}/"), content=answer)
        yield signed_receiver, mocker


def test_a_test_event_of_each_kind_is_signed_kept_and_recognizable(
    reached: tuple[InProcess, requests_mock.Mocker], capsys: pytest.CaptureFixture[str]
) -> None:
    receiver, _ = reached
    for kind in KINDS:
        assert run(["send-test", "--kind", kind, "--url", URL], {"EVENT_RECEIVER_SECRET": SECRET}) == 0
        (item,) = receiver.items(kind=kind)
        assert item["event"]["test"] == "dialpad-event-receiver send-test"
        assert capsys.readouterr().out.startswith(f"{kind} event {item['event_id']} kept")


def test_a_test_event_that_is_not_kept_says_why(
    reached: tuple[InProcess, requests_mock.Mocker], capsys: pytest.CaptureFixture[str]
) -> None:
    receiver, mocker = reached
    command = ["send-test", "--kind", "sms", "--url", URL]
    failures: list[str] = []
    for environ in ({}, {"EVENT_RECEIVER_SECRET": SECRET[::-1]}):  # of the shell, not of the receiver
        assert run(command, environ) == 1
        failures.append(capsys.readouterr().err)
    odd: list[dict[str, Any]] = [{"text": "<html>"}, {"json": [1]}, {"json": {}}, {"exc": requests.ConnectTimeout}]
    for answer in odd:
        mocker.post(f"{URL}/sms", **answer)
        assert run(command, {"EVENT_RECEIVER_SECRET": SECRET}) == 1
        failures.append(capsys.readouterr().err)
    texts = [
        "is not set in this shell",
        "differs from the receiver's in this shell",
        *["Check --url and the proxy"] * 4,
    ]
    assert [text for text, failure in zip(texts, failures, strict=True) if text not in failure] == []
    assert receiver.items(kind="sms") == []


# The page


def test_every_error_of_an_answer_stands_on_the_page_and_no_other() -> None:
    package = Path(run_module.__file__).parent
    source = "\n".join(path.read_text(encoding="utf-8") for path in package.glob("*.py"))
    raised = set(re.findall(r'RefusedError\(\s*\d{3},\s*"(\w+)"', source)) | {"method_not_allowed"}
    assert raised == set(re.findall(r"^\| `(\w+)` \| \d{3} \|", PAGE, re.MULTILINE))


def test_every_figure_stands_on_the_page() -> None:
    names = re.findall(r"^# TYPE (\w+)", Metrics().text(), re.MULTILINE)
    assert {name for name in names if name not in PAGE} == set()
