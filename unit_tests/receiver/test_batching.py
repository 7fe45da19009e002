import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence

import pytest
from sqlalchemy.exc import OperationalError

from event_receiver import batching
from event_receiver.batching import BatchWriter
from event_receiver.delivery import Event
from event_receiver.errors import RefusedError
from event_receiver.metrics import Metrics
from event_receiver.store import Receipt, Store

Answers = list[Receipt | BaseException]


class Journal(Store):
    """Stands in for a store: notes each batch, and fails where a payload says so."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.known: set[str] = set()

    def append(self, events: Sequence[Event]) -> list[Receipt]:
        self.batches.append([event.event_id for event in events])
        for event in events:
            if event.payload == "away":
                raise OperationalError("INSERT", None, ConnectionError("away"))
            if event.payload == "fault":
                raise ZeroDivisionError
        receipts = [Receipt(event.event_id, event.event_id not in self.known) for event in events]
        self.known |= {event.event_id for event in events}
        return receipts


def running(
    journal: Journal, work: Callable[[BatchWriter], Awaitable[Answers]], metrics: Metrics | None = None
) -> Answers:
    async def whole() -> Answers:
        writer = BatchWriter(journal, metrics or Metrics())
        writer.start()
        try:
            return await work(writer)
        finally:
            await writer.stop()

    return asyncio.run(whole())


def kept(journal: Journal, *events: Event, metrics: Metrics | None = None) -> Answers:
    """Hand in all events at once; return their answers."""

    async def together(writer: BatchWriter) -> Answers:
        return await asyncio.gather(*(writer.write(event) for event in events), return_exceptions=True)

    return running(journal, together, metrics)


def events(count: int, payload: str = "{}") -> list[Event]:
    return [Event(str(number), payload) for number in range(count)]


def reasons(answers: Answers) -> list[bool | str | None]:
    """Whether each event was new, or why it was refused."""
    return [answer.new if isinstance(answer, Receipt) else getattr(answer, "reason", None) for answer in answers]


def test_events_that_come_together_share_a_commit() -> None:
    journal = Journal()
    assert reasons(kept(journal, *events(20))) == [True] * 20
    assert journal.batches == [[str(number) for number in range(20)]]


def test_a_commit_is_bounded_in_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "BATCH_EVENTS", 3)
    journal = Journal()
    kept(journal, *events(7))
    assert [len(batch) for batch in journal.batches] == [3, 3, 1]


def test_a_fault_of_ours_is_told_to_the_sender_and_the_writer_goes_on() -> None:
    async def one_after_another(writer: BatchWriter) -> Answers:
        first = await asyncio.gather(writer.write(Event("1", "fault")), return_exceptions=True)
        return [*first, await writer.write(Event("2", "{}"))]

    assert reasons(running(Journal(), one_after_another)) == ["not_kept", True]


def test_a_database_that_is_away_is_asked_once_a_batch_and_everybody_told() -> None:
    journal = Journal()
    answers = kept(journal, *events(5, "away"))
    assert len(journal.batches) == 1
    assert [(answer.status, answer.reason) for answer in answers if isinstance(answer, RefusedError)] == [
        (503, "not_kept")
    ] * 5


def test_too_many_waiting_events_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "WAITING_EVENTS", 2)
    assert reasons(kept(Journal(), *events(3))) == [True, True, "overloaded"]


def test_what_waits_when_the_receiver_stops_is_kept() -> None:
    journal = Journal()

    async def leave(writer: BatchWriter) -> Answers:
        task = asyncio.ensure_future(writer.write(Event("1", "{}")))
        await asyncio.sleep(0)
        await writer.stop()
        return [await task]

    async def whole() -> Answers:
        writer = BatchWriter(journal, Metrics())
        writer.start()
        return await leave(writer)

    assert reasons(asyncio.run(whole())) == [True]
    assert journal.batches == [["1"]]


def test_a_database_that_hangs_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "STOP_SECONDS", 0.1, raising=False)
    answers = threading.Event()

    class HangingJournal(Journal):
        def append(self, events: Sequence[Event]) -> list[Receipt]:
            answers.wait(3)
            return super().append(events)

    journal = HangingJournal()

    async def leave() -> int:
        writer = BatchWriter(journal, Metrics())
        writer.start()
        sender = asyncio.ensure_future(writer.write(Event("1", "{}")))
        await asyncio.sleep(0)
        await writer.stop()
        commits = len(journal.batches)
        answers.set()
        sender.cancel()
        return commits

    assert asyncio.run(leave()) == 0


def test_a_sender_that_has_gone_does_not_disturb_the_others() -> None:
    async def one_goes(writer: BatchWriter) -> Answers:
        gone = asyncio.ensure_future(writer.write(Event("1", "{}")))
        stays = asyncio.ensure_future(writer.write(Event("2", "{}")))
        await asyncio.sleep(0)
        gone.cancel()
        return [await stays]

    journal = Journal()
    assert reasons(running(journal, one_goes)) == [True]
    assert journal.known == {"1", "2"}
