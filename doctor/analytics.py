"""What the pages about the Analytics API leave open, found out with some twenty-five requests for a few records."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit

from doctor.doubts import Answers, Doubt, note_ends
from doctor.finding import Cost

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from doctor.ask import Ask, Reply
    from doctor.finding import Finding

Entry = dict[str, Any]

TICK: Final = timedelta(milliseconds=1)
SECOND: Final = timedelta(seconds=1)
MONTH: Final = timedelta(days=30)
YEAR: Final = timedelta(days=366)
KINDS_TRIED: Final = 6  # kinds of records that are looked at until one has some
ATTRIBUTES_TRIED: Final = 3
ROWS: Final = 50
OK: Final = range(200, 300)
REFUSED: Final = 400
REFUSED_KEY: Final = 401
MEMBER_OF: Final = {  # spec: what a field of a kind carries
    **dict.fromkeys(("BooleanField", "IntField", "LongField", "DoubleField", "StringField", "UUIDField"), "value"),
    "InstantField": "value",
    "TimestampField": "timestamp",
    "ListField": "values",
}

SOME: Final = "records of the last 30 days"
METRIC_START: Final = "whether the interval of a metric includes its start"
METRIC_END: Final = "whether the interval of a metric includes its end"
LINK: Final = "how the next page is linked"
ARRIVING: Final = "records that arrive while paging"
KEPT: Final = "how long data are kept"
FILTERS: Final = "whether a filter is required"
UNAUTHORIZED: Final = "what a 401 means"
ENDS_OF_METRICS: Final = Doubt(
    "It finds it out by a record in every sync, and asks so that no event counts twice.",
    f"{SOME}, and a metric that counts them",
)
DOUBTS: Final = {  # the rows of docs/analytics.md
    "whether intervals include their ends": Doubt(
        "It asks for records of a millisecond more, and keeps what lies in the window.", SOME
    ),
    METRIC_START: ENDS_OF_METRICS,
    METRIC_END: ENDS_OF_METRICS,
    LINK: Doubt("It follows a link to the configured host, and a pageKey.", f"two {SOME}, or two entries of a catalog"),
    "an answer of another shape": Doubt("It is an error, and never no rows.", "an answer"),
    ARRIVING: Doubt("It reads a window in halves where a record comes twice.", f"four {SOME}"),
    "the longest interval": Doubt(
        "It asks for a day, a week or a month of metrics, and 7 days of records.", "a metric, or a kind of records"
    ),
    FILTERS: Doubt(
        "It sends those of analytics.filters; where a request without is refused, the error names the setting.",
        "an answer to a request for records",
    ),
    "the largest page": Doubt("It asks for 300.", "an answer"),
    UNAUTHORIZED: Doubt(
        "Its error names a missing key, a wrong key and missing rights.",
        "a key that is refused, which the doctor does not invent",
    ),
    "fields that are absent, variants without a value": Doubt(
        "Absent ones are null; a variant that it does not know passes as it comes.", SOME
    ),
    KEPT: Doubt("It asks for the whole range from start_date.", "records that are older than a year"),
}


def cost(_: Mapping[str, Any]) -> Cost:
    """The most that this section asks for."""
    return Cost(requests=33, seconds=8)


def findings(ask: Ask, config: Mapping[str, Any]) -> Iterator[Finding]:
    """One finding for each of `DOUBTS`."""
    probe = Probe(ask, config["analytics"]["base_url"], config["timezone"])
    probe.run()
    return iter(probe.answers)


@dataclass
class Probe:
    """The questions, asked in turn."""

    ask: Ask
    base_url: str
    timezone: str
    answers: Answers = field(default_factory=lambda: Answers("analytics", DOUBTS))
    filters: list[Entry] = field(default_factory=list)  # none, until a request without is refused
    replies: list[Reply] = field(default_factory=list)
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10))

    def run(self) -> None:
        """Asks everything that the answers so far allow."""
        metrics, kinds = self.catalogs()
        if not any(reply.status in OK for reply in self.replies):
            if self.replies[0].status == REFUSED_KEY:
                self.answers.seen(UNAUTHORIZED, "this key gets one", once=True)
            return
        kind, records = self.some_records(kinds)
        self.paging(kind, records)
        times = [time for time, count in Counter(map(time_of, records)).items() if time and count == 1]
        if times:
            self.ends(kind, times)
            self.ends_of_metric(metrics, kind, times[0])
        if records:
            self.fields(records)
        self.lengths(metrics, kind)
        self.shape()

    def get(self, path: str, **params: Any) -> Reply:
        """A list of the catalog."""
        return self._kept(self.ask("analytics_requester", path=path, params=params))

    def post(self, path: str, body: Entry, **params: Any) -> Reply:
        """Data of an interval."""
        return self._kept(self.ask("analytics_query_requester", path=path, params=params, body=body))

    def _kept(self, reply: Reply) -> Reply:
        self.replies.append(reply)
        return reply

    def body(self, identity: Any, start: datetime, end: datetime, **members: Any) -> Entry:
        """What is asked of an interval."""
        times = {"start": _instant(start), "end": _instant(end)}
        request = {"id": identity, "periodFilter": {"_type": "Interval", **times}, "timezone": self.timezone}
        return {**request, "filters": self.filters, **members}

    # -- catalogs, filters and pages -----------------------------------------------------------------

    def catalogs(self) -> tuple[list[Entry], list[Entry]]:
        """The metrics and the kinds of records, as far as one page holds them."""
        metrics, kinds = self.get("metrics", pageLimit=300), self.get("records", pageLimit=1000)
        texts = []
        for size, reply in ("300", metrics), ("1,000", kinds):
            if reply.status in OK or reply.status == REFUSED:
                texts.append(f"{size} are {'taken' if reply.status in OK else 'refused'}")
        if texts:
            self.answers.seen("the largest page", ", ".join(texts), once=True)
        metrics = self.get("metrics") if metrics.status == REFUSED else metrics
        kinds = self.get("records") if kinds.status == REFUSED else kinds
        return rows_of(metrics), rows_of(kinds)

    def some_records(self, kinds: list[Entry]) -> tuple[Any, list[Entry]]:
        """The first kind that has records of the last 30 days, and some of them; finds out about filters."""
        for kind in kinds[:KINDS_TRIED]:
            identity = kind.get("id")
            reply = self.post("records", self.body(identity, self.now - MONTH, self.now), pageLimit=ROWS)
            if reply.status in OK and not self.filters:
                self.answers.seen(FILTERS, "not required")
            elif reply.status == REFUSED and not self.filters:
                reply = self.filtered(kind)
            if records := rows_of(reply):
                return identity, records
            if reply.status == REFUSED:  # with and without a filter
                break
        return next((kind.get("id") for kind in kinds), None), []

    def filtered(self, kind: Entry) -> Reply:
        """The records of a kind that was refused without a filter, asked for with all values of one attribute."""
        for listed in objects(kind.get("filters"))[:ATTRIBUTES_TRIED]:
            attribute = str(listed.get("filterAttribute"))
            values = [entry.get("value") for entry in rows_of(self.get(f"filter/{quote(attribute, safe='')}"))]
            if values:
                self.filters = [{"attribute": attribute, "values": values}]
                break
        reply = self.post("records", self.body(kind.get("id"), self.now - MONTH, self.now), pageLimit=ROWS)
        if reply.status in OK:
            text = "required: what is refused without one is answered with all values of an attribute"
            self.answers.seen(FILTERS, text, once=True)
        else:
            self.filters = []
            self.answers.undecided(FILTERS, "a request is refused with and without one")
        return reply

    def paging(self, kind: Any, records: list[Entry]) -> None:
        """Asks for two small pages: of records where there are some, otherwise of the catalog."""
        body = self.body(kind, self.now - MONTH, self.now) if len(records) >= 4 else None  # noqa: PLR2004  # two pages
        path, size = ("records", 2) if body else ("metrics", 1)
        first = self.post(path, body, pageLimit=size) if body else self.get(path, pageLimit=size)
        link, place = self.link(first, path, size)
        if not place:
            if link:
                self.answers.seen(LINK, link, once=True)
                self.answers.undecided(ARRIVING, "the next page is not asked for")
            return
        second = self.post(**place, body=body) if body else self.get(**place)
        if second.status not in OK or rows_of(second) in ([], rows_of(first)):
            link = "a link that does not lead to the next page"
        self.answers.seen(LINK, link, once=True)
        if body and [*rows_of(first), *rows_of(second)] == records[:4]:
            self.answers.seen(ARRIVING, "none: two pages hold what one larger page held", once=True)
        elif body:
            self.answers.seen(ARRIVING, "some: two pages do not hold what one larger page held", once=True)

    def link(self, reply: Reply, path: str, size: int) -> tuple[str, Entry]:
        """How an answer names the next page, and the request for it; none for one that is not to be asked for."""
        value = reply.value if reply.status in OK and isinstance(reply.value, dict) else {}
        meta = value.get("meta")
        link = meta.get("next") if isinstance(meta, dict) else None
        if isinstance(link, str) and link:
            host = urlsplit(link).netloc
            if host and host != urlsplit(self.base_url).netloc:
                return "to another host", {}
            return "an address of the configured host" if host else "a path without a host", {"path": link}
        if key := value.get("pageKey"):
            params = {"pageLimit": size, "pageKey": unquote(str(key))}
            return "a pageKey beside the data", {"path": path, **params}
        return "", {}

    # -- intervals -----------------------------------------------------------------------------------

    def ends(self, kind: Any, times: list[datetime]) -> None:
        """Asks for intervals that begin, and end, at the very time of a record."""
        seen = []
        for time in times[:2]:
            intervals = (time, time + SECOND), (time - SECOND, time)
            replies = [self.post("records", self.body(kind, *interval), pageLimit=ROWS) for interval in intervals]
            if all(reply.status in OK for reply in replies):
                after, before = ([time_of(record) for record in rows_of(reply)] for reply in replies)
                seen.append((time in after, time in before))
        note_ends(self.answers, "whether intervals include their ends", seen)

    def ends_of_metric(self, metrics: list[Entry], kind: Any, time: datetime) -> None:
        """Counts events in intervals that begin, and end, at and beside the very time of a record."""
        counting = [metric for metric in metrics if "Count" in measures_of(metric) and _is_about(metric, kind)]
        metric = next(iter(sorted(counting, key=lambda metric: metric.get("id") != kind)), None)
        if metric is None:
            return

        def count(start: datetime, end: datetime) -> int:
            body = self.body(metric.get("id"), start, end, aggregations=["Count"])
            reply = self.post("metrics", body)
            data = reply.value.get("data") if reply.status in OK and isinstance(reply.value, dict) else None
            aggregates = objects(data.get("aggregates")) if isinstance(data, dict) else []
            return sum(int(one["value"]) for one in aggregates if one.get("value").__class__ in (int, float))

        early, late = time - SECOND, time + SECOND
        asked = {
            METRIC_START: [(time + TICK, late), (time, late), (time - TICK, late)],
            METRIC_END: [(early, time - TICK), (early, time), (early, time + TICK)],
        }
        for question, intervals in asked.items():
            less, exact, more = (count(*interval) for interval in intervals)
            if less < exact:
                self.answers.seen(question, "yes", once=True)
            elif exact < more:
                self.answers.seen(question, "no", once=True)
            else:
                self.answers.undecided(question, "the metric does not count the record at its time")

    def lengths(self, metrics: list[Entry], kind: Any) -> None:
        """Asks for a year of a metric and for records that are older than a year."""
        texts = []
        for metric in metrics[:1]:
            for days in (YEAR, MONTH):
                body = self.body(metric.get("id"), self.now - days, self.now, aggregations=measures_of(metric)[:1])
                reply = self.post("metrics", body)
                if reply.status in OK or reply.status == REFUSED:
                    texts.append(f"{days.days} days are {'taken' if reply.status in OK else 'refused'} for a metric")
                if reply.status in OK:
                    break
        if kind is not None:
            reply = self.post("records", self.body(kind, self.now - 2 * YEAR, self.now - YEAR), pageLimit=1)
            if reply.status in OK or reply.status == REFUSED:
                texts.append(f"{YEAR.days} days are {'taken' if reply.status in OK else 'refused'} for records")
            if rows_of(reply):
                self.answers.seen(KEPT, "longer than a year", once=True)
            elif reply.status in OK:
                self.answers.undecided(KEPT, "no records older than a year came")
        if texts:
            self.answers.seen("the longest interval", ", ".join(texts), once=True)

    # -- shapes --------------------------------------------------------------------------------------

    def fields(self, records: list[Entry]) -> None:
        """Counts the variants of the fields of some records."""
        listed = [part for record in records for part in objects(record.get("fields"))]
        variants = [part["field"] for part in listed if isinstance(part.get("field"), dict)]
        kinds = Counter(str(variant.get("_type")) for variant in variants)
        known = ", ".join(f"{kind} {kinds[kind]}" for kind in MEMBER_OF if kinds[kind])
        others = sum(count for kind, count in kinds.items() if kind not in MEMBER_OF)
        bare = sum(MEMBER_OF.get(str(variant.get("_type")), "_type") not in variant for variant in variants)
        absent = len(listed) - len(variants)
        text = f"of {len(listed)} fields, {absent} are absent, {others} of other variants, {bare} without their value"
        self.answers.seen(
            "fields that are absent, variants without a value",
            f"{text}; {known}" if known else text,
            once=len(records) == 1,
        )

    def shape(self) -> None:
        """Whether all answers were `data`, with or without `meta`."""
        values = [reply.value for reply in self.replies if reply.status in OK]
        odd = sum(not isinstance(value, dict) or not isinstance(value.get("data"), list | dict) for value in values)
        text = (
            f"{odd} of {len(values)} answers" if odd else f"none: data, with or without meta, in {len(values)} answers"
        )
        self.answers.seen("an answer of another shape", text)


def rows_of(reply: Reply) -> list[Entry]:
    """The entries or records of an answer; none of a refusal."""
    return objects(reply.value.get("data")) if reply.status in OK and isinstance(reply.value, dict) else []


def objects(value: Any) -> list[Entry]:
    """The objects of a list; none of anything else."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def measures_of(metric: Entry) -> list[str]:
    """The measures that the catalog lists for a metric."""
    return [str(listed.get("measure")) for listed in objects(metric.get("aggregations"))]


def time_of(record: Entry) -> datetime | None:
    """The time of a record, where it is a whole millisecond."""
    try:
        time = datetime.fromisoformat(record["primaryTimestampField"]["timestamp"].partition("[")[0])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return time if time.tzinfo and time.microsecond % 1000 == 0 else None


def _is_about(metric: Entry, kind: Any) -> bool:
    related = metric.get("relatedRecordIds")
    return isinstance(related, list) and kind in related and not str(metric.get("id")).endswith("_per_agent")


def _instant(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
