"""The page: what was found, put into HTML. Everything that comes from data is escaped here, and nowhere else."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from html import escape
from string import Template
from typing import TYPE_CHECKING, Any

import yaml

from report import words
from report.answers import SENTENCES
from report.drawings import CHARTS, used
from report.figures import HERE
from report.tiles import tiles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dbt_dialpad.warehouse import Rows
    from report.charts import Panel
    from report.figures import Figure, Period

FEW = 5
LEFT = {"text", "words", "title", "weekday", "reason", "measure"}
"""Formats whose columns stand to the left."""


NOTHING_AT_ALL = (
    '<section aria-label="Nothing yet"><p class="figure">There is nothing to show yet: no calls, conversations or '
    "texts were synced. The streams below say which tables there are.</p></section>"
)


@dataclass(frozen=True)
class Answer:
    """A figure, the SQL that ran, and its rows."""

    figure: Figure
    sql: str
    rows: Rows


@dataclass(frozen=True)
class Facts:
    """What the page says about itself."""

    company: str
    zone: str
    is_invented: bool
    made_at: datetime
    versions: dict[str, str]
    streams: Rows
    """The rows of sql/freshness.sql."""


def page(facts: Facts, period: Period | None, tile_rows: Rows, answers: Sequence[Answer]) -> tuple[str, int]:
    """The whole document, and how many of its figures are empty."""
    sections = {
        name: [one for one in answers if one.figure.section == name]
        for name in dict.fromkeys(one.figure.section for one in answers)
    }
    empty = sum(not one.rows for one in answers)
    if period is None or empty == len(answers):
        body, sections = NOTHING_AT_ALL, {}
    else:
        body = tiles(tile_rows) + "".join(section(name, own, period, facts) for name, own in sections.items())
    days = f"{words.day(period.since)} to {words.day(period.until)} {period.until.year}" if period else "No days yet"
    script = (HERE / "page.js").read_text(encoding="utf-8")
    text = Template((HERE / "page.html").read_text(encoding="utf-8")).substitute(
        company=escape(facts.company),
        subtitle=f"{days}. Days of calls are days of each line's own clock, all others of {escape(facts.zone)}.",
        notices='<p><span class="invented">Invented data</span></p>' if facts.is_invented else "",
        contents=contents(list(sections)),
        body=body,
        footer=footer(facts),
        style=(HERE / "page.css").read_text(encoding="utf-8"),
        script=script,
        script_hash="sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    return text, empty


def contents(names: Sequence[str]) -> str:
    """Links to the sections."""
    links = "".join(f'<li><a href="#{name.lower()}">{name}</a></li>' for name in [*names, "Streams", "Definitions"])
    return f'<nav class="contents" aria-label="Contents"><ul>{links}</ul></nav>'


def section(name: str, answers: Sequence[Answer], period: Period, facts: Facts) -> str:
    """The figures of a section; one line where all are empty."""
    head = f'<section aria-labelledby="{name.lower()}"><h2 id="{name.lower()}">{name}</h2>'
    if not any(one.rows for one in answers):
        inside = "".join(f"<h3>{escape(one.figure.question)}</h3>{queried(one)}" for one in answers)
        why = f"<p>Nothing to show here. {missing(answers[0], facts)}</p>"
        folded = f"<details><summary>Questions and SQL</summary>{inside}</details>"
        return f'{head}<div class="figure">{why}{folded}</div></section>'
    alone = " alone" if len([one for one in answers if one.figure.chart]) % 2 else ""
    last = [one for one in answers if one.figure.chart][-1:]
    shown = "".join(figure(one, period, facts, alone if one in last else "") for one in answers)
    return f'{head}<div class="figures">{shown}</div></section>'


def figure(answer: Answer, period: Period, facts: Facts, more: str) -> str:
    """One figure: question, answer, legend, chart, table, SQL."""
    it, rows = answer.figure, answer.rows
    opened = "" if it.chart else " open"
    head = f'<article class="figure{opened}{more}" aria-labelledby="q-{it.name}">'
    head += f'<h3 id="q-{it.name}">{escape(it.question)}</h3>'
    if not rows:
        return f"{head}<p>Nothing to show. {missing(answer, facts)}</p>{queried(answer)}</article>"
    said = f'<p class="answer" id="a-{it.name}">{escape(SENTENCES[it.name](rows, period))}</p>'
    note = f'<p class="note">{escape(it.note)}</p>' if it.note else ""
    if not it.chart:
        return f"{head}{said}{table(answer)}{note}{queried(answer)}</article>"
    charts = CHARTS[it.chart](rows, period, it)
    panels = "".join(drawn(panel, it, number) for number, panel in enumerate(charts))
    wide, narrow = charts[0].columns
    box = f'<div class="panels" style="--wide:{wide};--narrow:{narrow}">{panels}</div>'
    folded = f'<div class="folds"><details><summary>Table</summary>{table(answer)}</details>{queried(answer)}</div>'
    return f"{head}{said}{legend(answer)}{box}{note}{folded}</article>"


def legend(answer: Answer) -> str:
    """The words of the colors, where there are several."""
    it = answer.figure
    if it.chart == "hours":
        ramp = "".join(f'<i style="background:var(--h{step})"></i>' for step in range(7))
        most = max(row["offered_a_day"] for row in answer.rows)
        return f'<p class="legend ramp"><span>none&nbsp;</span>{ramp}<span>&nbsp;{most:.1f} calls</span></p>'
    return swatches(it.series if it.name == "kept" else used(answer.rows, it.series))


def swatches(series: Sequence[tuple[str, str, int]]) -> str:
    """A legend; nothing where there is but one color."""
    items = "".join(f'<li><i style="background:var(--c{hue})"></i>{escape(word)}</li>' for _, word, hue in series)
    return f'<ul class="legend">{items}</ul>' if len(series) > 1 else ""


def drawn(panel: Panel, it: Figure, number: int) -> str:
    """A panel in both widths; a screen reader hears question and answer instead of marks."""
    caption = f'<figcaption id="c-{it.name}-{number}">{escape(panel.caption)}</figcaption>' if panel.caption else ""
    by = f"q-{it.name} " + (f"c-{it.name}-{number}" if panel.caption else f"a-{it.name}")
    named = f'role="img" aria-labelledby="{by}"'
    wide, narrow = (
        svg.replace("<svg", f'<svg class="{kind}" {named}', 1)
        for kind, svg in zip(("wide", "narrow"), panel.drawn(it.name), strict=True)
    )
    return f"<figure>{caption}{swatches(panel.legend)}{wide}{narrow}</figure>"


def table(answer: Answer) -> str:
    """Every value of the chart."""
    it = answer.figure

    def kind(form: str) -> str:
        return ' class="word"' if form in LEFT else ""

    def cell(row: dict[str, Any], place: int, name: str, form: str) -> str:
        value = escape(getattr(words, form)(row[name]))
        if not place:
            return f'<th scope="row">{value}</th>'
        few = name == "csat_rate" and row[name] is not None and (row.get("csat_calls") or row.get("answers") or 0) < FEW
        return f'<td class="few">{value}</td>' if few else f"<td{kind(form)}>{value}</td>"

    heads = "".join(f'<th scope="col"{kind(form)}>{escape(title)}</th>' for _, title, form in it.table)
    body = "".join(
        f"<tr>{''.join(cell(row, place, name, form) for place, (name, _, form) in enumerate(it.table))}</tr>"
        for row in answer.rows
    )
    inside = f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
    return scrolling(f"Table: {it.question}", inside)


def scrolling(label: str, inside: str) -> str:
    """A box of its own for what is wider than a phone; the keyboard can reach and scroll it."""
    return f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(label)}">{inside}</div>'


def queried(answer: Answer) -> str:
    """The SQL, folded."""
    inside = scrolling(f"SQL: {answer.figure.question}", f"<pre>{escape(answer.sql)}</pre>")
    return f"<details><summary>SQL</summary>{inside}</details>"


def missing(answer: Answer, facts: Facts) -> str:
    """Why a figure has no row: streams that are not there, that are empty, or that have nothing in these days."""
    there = {row["stream"]: row for row in facts.streams}
    needs = answer.figure.needs
    if absent := [name for name in needs if name not in there or not there[name]["is_there"]]:
        return (
            f"Not in this warehouse: {words.listed(absent)}. Not selected, or the section or scope that this needs is "
            "not configured."
        )
    if empty := [name for name in needs if not there[name]["synced_rows"]]:
        return (
            f"Synced, but empty: {words.listed(empty)}. Nothing of the kind has happened since the start date, or the "
            "key may not read it."
        )
    return f"There are rows in {words.listed(needs)}, but none that counts here in these days."


def footer(facts: Facts) -> str:
    """Every stream and how new it is; the definitions; the versions."""

    def when(instant: datetime | None) -> str:
        return f"{words.day(instant)} {instant:%Y %H:%M}" if instant else words.NOTHING

    def cells(row: dict[str, Any]) -> str:
        if not row["is_there"]:
            return '<td colspan="3" class="word">not in this warehouse</td>'
        newest = when(row["newest_event_at"]), when(row["newest_extracted_at"])
        return f"<td>{words.count(row['synced_rows'])}</td>" + "".join(f"<td>{text}</td>" for text in newest)

    rows = "".join(f'<tr><th scope="row">{escape(row["stream"])}</th>{cells(row)}</tr>' for row in facts.streams)
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("stream", "rows", "newest event", "synced"))
    newest = max((row["newest_extracted_at"] for row in facts.streams if row["newest_extracted_at"]), default=None)
    here = sum(bool(row["is_there"]) for row in facts.streams)
    meanings = yaml.safe_load((HERE / "definitions.yaml").read_text(encoding="utf-8"))
    listed = "".join(f"<dt>{escape(word)}</dt><dd>{escape(meaning)}</dd>" for word, meaning in meanings.items())
    makers = ", ".join(f"{escape(name)} {escape(version)}" for name, version in facts.versions.items())
    table_of = scrolling("Table: streams", f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>")
    return (
        '<section aria-labelledby="streams"><h2 id="streams">Streams</h2>'
        f"<p>{here} of {words.plural(len(facts.streams), 'stream')} are in this warehouse; "
        f"the newest row was synced at {when(newest)} UTC.</p>"
        f"<details><summary>All streams</summary>{table_of}</details></section>"
        '<section aria-labelledby="definitions"><h2 id="definitions">Definitions</h2>'
        f'<dl class="words">{listed}</dl></section><p>Made at {when(facts.made_at)} UTC by {makers}.</p>'
    )
