"""The chart of each figure: its rows as labels, numbers and words of marks. charts.py knows how they are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from report.answers import by_line
from report.charts import BINS, Panel, bars, columns, heat, histogram, lines, spans
from report.words import count, day, duration, hours, percent, rate, ratio, reason, total, weekday

if TYPE_CHECKING:
    from collections.abc import Callable

    from dbt_dialpad.warehouse import Rows
    from report.figures import Figure, Period, Series

GRAY = 5


def hues(series: Series) -> list[tuple[str, int]]:
    """Columns and colors of a legend."""
    return [(name, hue) for name, _, hue in series]


def used(rows: Rows, series: Series) -> Series:
    """The series that have something to show."""
    return [one for one in series if any(row.get(one[0]) for row in rows)]


def worded(
    row: dict[str, Any], label: str, series: Series, write: Callable[[float], str] = count, **more: Any
) -> dict[str, Any]:
    """A row of a chart: its label, and for each series the number and the words of its mark."""
    words = {
        f"{name}_words": f"{label}: {write(row[name])} {word}" for name, word, _ in series if row[name] is not None
    }
    return {**row, "label": label, **words, **more}


def shares(row: dict[str, Any], label: str, series: Series, said: str) -> dict[str, Any]:
    """A row of a chart that fills the whole width: each series as a share of all."""
    whole = sum(row[name] for name, _, _ in series)
    return worded({name: row[name] / whole for name, _, _ in series}, label, series, percent, said=said)


def stacks(rows: Rows, period: Period, figure: Figure) -> list[Panel]:
    """Stacked columns, one a week or day."""
    shown = [worded(row, day(row["starts_on"]), figure.series, whole=period.is_whole(row["starts_on"])) for row in rows]
    return [Panel(lambda width: columns(shown, hues(figure.series), width))]


def bot(rows: Rows, period: Period, figure: Figure) -> list[Panel]:
    """The channels of a week added up."""
    names = [name for name, _, _ in figure.series]
    starts = {
        start: [row for row in rows if row["starts_on"] == start]
        for start in dict.fromkeys(row["starts_on"] for row in rows)
    }
    return stacks(
        [{"starts_on": start, **{name: total(own, name) for name in names}} for start, own in starts.items()],
        period,
        figure,
    )


def hours_of_week(rows: Rows, _: Period, __: Figure) -> list[Panel]:
    """Every hour of every weekday, in seven steps of color."""
    most = max(row["offered_a_day"] for row in rows)
    calls = {(row["iso_weekday"], row["hour"]): row["offered_a_day"] for row in rows}
    shown = [
        {
            "label": weekday(number)[:3],
            "hour": hour,
            "step": -int(-calls.get((number, hour), 0) / most * 6 // 1),
            "words": f"{weekday(number)} {hour}:00: {calls.get((number, hour), 0):.1f} calls on average",
        }
        for number in range(1, 8)
        for hour in range(24)
    ]
    return [Panel(lambda width: heat(shown, width))]


def waits(rows: Rows, _: Period, figure: Figure) -> list[Panel]:
    """Bins of ten seconds, and two lines that say where half and nine of ten are."""
    shown = [
        worded(
            row,
            f"{row['from_second']:.0f} to {row['from_second'] + row['bin_seconds']:.0f} s"
            if row["from_second"] < BINS * row["bin_seconds"]
            else f"{row['from_second']:.0f} s or more",
            figure.series,
            begin=row["from_second"],
            end=row["from_second"] + row["bin_seconds"],
        )
        for row in rows
    ]
    typical = ((rows[0]["half_within"], "half"), (rows[0]["nine_of_ten_within"], "nine of ten"))
    marks = [(at, f"{word} within {duration(at)}") for at, word in typical if at is not None]
    return [Panel(lambda width: histogram(shown, hues(figure.series), width, marks))]


def in_time(rows: Rows, _: Period, figure: Figure) -> list[Panel]:
    """A bar a line, with its target."""
    shown = [
        {
            **row,
            "label": row["line_name"],
            "said": rate(row["service_level"], row["offered"]),
            "service_level_words": f"{row['line_name']}: {rate(row['service_level'], row['offered'])} calls "
            f"within {duration(row['seconds'])}" + (f", target {percent(row['target'])}" if row["target"] else ""),
        }
        for row in rows
    ]
    return [Panel(lambda width: bars(shown, hues(figure.series), width, share=True))]


def getting_better(rows: Rows, _: Period, __: Figure) -> list[Panel]:
    """A small chart a line, all on one scale."""
    levels = [row["service_level"] for row in rows] + [row["target"] for row in rows if row["target"]]
    how = {"low": max(0.0, int(min(levels) * 10 - 0.2) / 10), "high": min(1.0, max(levels) + 0.03), "height": 120}
    panels = []
    series = [("service_level", "in time", 1)]
    for own in by_line(rows):
        shown = [worded(row, day(row["starts_on"]), series, percent, said="") for row in own]
        level = ratio(total(own, "within_service_level"), total(own, "calls"))
        panels.append(
            Panel(
                lambda width, shown=shown, target=own[0]["target"]: lines(
                    shown, hues(series), width, target=target, **how
                ),  # type: ignore[misc]
                f"{own[0]['line_name']}: {percent(level)}",
                (3, 2),
            )
        )
    return panels


def kept(rows: Rows, _: Period, figure: Figure) -> list[Panel]:
    """Kept and not, of voicemails and of callbacks."""
    shown = [
        shares(
            {**row, "open": row["given"] - row["kept"]},
            row["promise"].capitalize(),
            figure.series,
            f"{count(row['kept'])} of {count(row['given'])}",
        )
        for row in rows
    ]
    return [Panel(lambda width: bars(shown, hues(figure.series), width, share=True))]


def time_on_duty(rows: Rows, _: Period, figure: Figure) -> list[Panel]:
    """Each agent's time on duty, the most occupied first."""
    ordered = sorted(rows, key=lambda row: -(row["occupancy"] or 0))
    shown = [shares(row, row["agent_name"], figure.series, hours(row["on_duty_seconds"])) for row in ordered]
    return [Panel(lambda width: bars(shown, hues(figure.series), width, share=True))]


def satisfaction(rows: Rows, _: Period, __: Figure) -> list[Panel]:
    """All answers by score, and the satisfied of each line."""
    scores = [
        worded(
            {"answers": total(rows, f"score_{score}")},
            str(score),
            [("answers", "calls", 1)],
            said=count(total(rows, f"score_{score}")),
        )
        for score in range(5, 0, -1)
    ]
    lines_ = [
        worded(
            row,
            row["line_name"],
            [("csat_rate", f"of {count(row['answers'])} satisfied", 1)],
            percent,
            said=rate(row["csat_rate"], row["answers"]),
        )
        for row in rows
    ]
    return [
        Panel(lambda width: bars(scores, [("answers", 1)], width), "Calls by score", (2, 1)),
        Panel(lambda width: bars(lines_, [("csat_rate", 1)], width, share=True), "Scores of 4 or 5, by line", (2, 1)),
    ]


def reasons(rows: Rows, _: Period, figure: Figure) -> list[Panel]:
    """A bar a category; gray where none was set."""
    shown = [
        worded(
            row,
            reason(row["category"]),
            figure.series,
            said=count(row["dispositions"]),
            hue=1 if row["category"] else GRAY,
        )
        for row in rows
    ]
    return [Panel(lambda width: bars(shown, hues(figure.series), width))]


def call_again(rows: Rows, _: Period, figure: Figure) -> list[Panel]:
    """Two lines, from nothing."""
    shown = [worded(row, day(row["starts_on"]), figure.series, percent) for row in rows]
    high = min(1.0, 1.15 * max(row["any_line_rate"] for row in rows) + 0.02)
    return [Panel(lambda width: lines(shown, hues(figure.series), width, low=0, high=high))]


def digital_answers(rows: Rows, _: Period, figure: Figure) -> list[Panel]:
    """Times by channel, and the mood by channel."""
    times = []
    for row in rows:
        shown = {"label": row["channel"]}
        for name, word, _hue in figure.series:
            half, most = row[f"{name}_half_within"], row[f"{name}_nine_of_ten_within"]
            words = f"{row['channel']}, {word}: half within {duration(half)}, nine of ten within {duration(most)}"
            shown |= {f"{name}_half": half, f"{name}_most": most, f"{name}_words": words}
        times.append(shown)
    series = [("sentiment_up", "better", 1), ("sentiment_same", "the same", GRAY), ("sentiment_down", "worse", 4)]
    felt = [(row, sum(row[name] for name, _, _ in series)) for row in rows]
    moods = [shares(row, row["channel"], series, count(of)) for row, of in felt if of]
    panels = [
        Panel(
            lambda width: spans(times, width, hues(figure.series)),
            "From half (dot) to nine of ten (ring)",
            (2, 1),
            figure.series,
        )
    ]
    if moods:
        panels.append(
            Panel(
                lambda width: bars(moods, hues(series), width, share=True),
                "Mood at the end",
                (2, 1),
                used(rows, series),
            )
        )
    return panels


def texts(rows: Rows, _: Period, figure: Figure) -> list[Panel]:
    """Received and sent, by line or person."""
    shown = [worded(row, row["who"], figure.series, said=count(row["received"] + row["sent"])) for row in rows]
    return [Panel(lambda width: bars(shown, hues(figure.series), width))]


CHARTS = {
    "stacks": stacks,
    "bot": bot,
    "hours": hours_of_week,
    "waits": waits,
    "in_time": in_time,
    "getting_better": getting_better,
    "kept": kept,
    "time_on_duty": time_on_duty,
    "satisfaction": satisfaction,
    "reasons": reasons,
    "call_again": call_again,
    "digital_answers": digital_answers,
    "texts": texts,
}
