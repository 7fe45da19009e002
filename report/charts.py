"""Charts: the Vega-Lite specs of specs/, filled with rows and drawn to SVG while the page is made.

The same rows give the same bytes. Colors are CSS variables (page.css), so that a dark page needs no second drawing.
There are no axes of time: Vega would read a date as UTC and print it in the machine's zone, so days are labels. Legends
are HTML.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from report.figures import HERE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dbt_dialpad.warehouse import Rows
    from report.figures import Series

Spec = dict[str, Any]
Hues = list[tuple[str, int]]
"""Columns and the numbers of their colors."""

WIDE, NARROW, GAP = 600, 340, 20
BINS = 24
"""How many columns a histogram has before the last, which is open; as in sql/waits.sql."""
LETTER = 6.6
"""Pixels of a letter of 12 pixels, on average and a little more."""
MARK_WORDS = re.compile(r'(<(\w+))((?: [\w-]+="[^"]*")*?) aria-label="([^"]*)"((?: [\w-]+="[^"]*")*?)(?:/>|></\2>)')
NOT_NEEDED = re.compile(
    r' (?:aria-[a-z]+|role|xmlns:xlink|class|pointer-events|stroke-miterlimit|version|font-family)="[^"]*"'
)
EMPTY_GROUP = re.compile(r'<g>(?:<path d="[^"]*"/>)?</g>')
GEOMETRY = re.compile(r' (?:d|transform|[xy][12]?)="[^"]*"')
LONG_NUMBER = re.compile(r"(\d\.\d)\d+")


@dataclass(frozen=True)
class Panel:
    """One chart of a figure: its words, and its spec at a width."""

    build: Callable[[int], Spec]
    caption: str = ""
    columns: tuple[int, int] = (1, 1)
    """How many such panels stand side by side, on a wide page and on a narrow one."""
    legend: Series = ()
    """Its series, where they are not those of the whole figure."""

    def drawn(self, name: str) -> tuple[str, str]:
        """The SVG of both widths. Raises ValueError, with the figure's name, where the spec can't be drawn."""
        wide, narrow = (
            (page - GAP * (several - 1)) // several for page, several in zip((WIDE, NARROW), self.columns, strict=True)
        )
        return draw(self.build(wide), name), draw(self.build(narrow), name)


def draw(spec: Spec, name: str) -> str:
    """A spec as a slim SVG: marks keep their words as `<title>`, numbers one decimal, nothing else of Vega's ARIA."""
    import vl_convert  # noqa: PLC0415  # 90 MB, only where something is drawn

    try:
        svg: str = vl_convert.vegalite_to_svg(json.dumps(spec), vl_version="6.4")
    except ValueError as error:
        reason = " ".join(str(error).splitlines()[:2])
        raise ValueError(f"The chart of {name} can't be drawn: {reason}") from error
    svg = MARK_WORDS.sub(r"\1\3\5><title>\4</title></\2>", svg)
    svg = GEOMETRY.sub(lambda found: LONG_NUMBER.sub(r"\1", found[0]), NOT_NEEDED.sub("", svg))
    return re.sub(r'<svg xmlns="[^"]*"', "<svg", EMPTY_GROUP.sub("", svg))


def read(name: str) -> Any:
    """A file of specs/."""
    return yaml.safe_load((HERE / "specs" / f"{name}.yaml").read_text(encoding="utf-8"))


def filled(node: Any, values: dict[str, Any]) -> Any:
    """A spec with its `$names` replaced by values."""
    if isinstance(node, dict):
        return {key: filled(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [filled(value, values) for value in node]
    return values[node[1:]] if isinstance(node, str) and node.startswith("$") else node


def plot(kind: str, marks: Rows, width: float, height: float, **values: Any) -> Spec:
    """A spec of specs/ with its rows, `width` wide in all."""
    return {
        "width": width,
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "padding": 2,
        "config": read("theme"),
        "data": {"values": marks},
        **filled(read(kind), values),
    }


def marks_of(rows: Rows, series: Hues) -> list[tuple[dict[str, Any], str, dict[str, Any]]]:
    """Row, column and the common part of a mark, for every series of every row that has something to show."""
    return [
        (row, name, {"c": f"var(--c{row.get('hue', hue)})", "n": place, "w": row[f"{name}_words"]})
        for row in rows
        for place, (name, hue) in enumerate(series)
        if row[name]
    ]


def columns(rows: Rows, series: Hues, width: int) -> Spec:
    """Stacked columns. Rows: label, whole (false: drawn paler) and a number and words for each series."""
    marks = [
        {**mark, "x": row["label"], "y": row[name], "o": 1 if row["whole"] else 0.55}
        for row, name, mark in marks_of(rows, series)
    ]
    return plot("columns", marks, width, 230, labels=labels(rows), some=some(labels(rows), width))


def bars(rows: Rows, series: Hues, width: int, *, share: bool = False) -> Spec:
    """Stacked bars that lie. Rows: label, said (behind the bar), target, and a number and words for each series."""
    marks = [{**mark, "y": row["label"], "x": row[name]} for row, name, mark in marks_of(rows, series)]
    sums = [sum(row[name] or 0 for name, _ in series) for row in rows]
    ends = [
        {"y": row["label"], "x": 1 if share else end, "s": row["said"]} for row, end in zip(rows, sums, strict=True)
    ]
    return plot(
        "bars",
        marks,
        width,
        26 * len(rows) + 6,
        labels=labels(rows),
        names=names(rows, width),
        most=1 if share else max(sums),
        ticks=2 if width < WIDE else 4,
        format=".0%" if share else ",d",
        ends=ends,
        targets=[{"y": row["label"], "t": row["target"]} for row in rows if row.get("target")],
    )


def lines(rows: Rows, series: Hues, width: int, **how: Any) -> Spec:
    """Lines of fractions. Rows: label and a fraction and words for each series; `low`, `high`: ends of the axis."""
    marks = [{**mark, "x": row["label"], "y": row[name], "s": name} for row, name, mark in marks_of(rows, series)]
    targets = [{"y": how["target"], "c": "var(--ink)"}] if how.get("target") else []
    return plot(
        "lines",
        marks,
        width,
        how.get("height", 200),
        labels=labels(rows),
        some=some(labels(rows), width),
        low=how["low"],
        high=how["high"],
        targets=targets,
    )


def heat(rows: Rows, width: int) -> Spec:
    """A table of colors. Rows: label (of the line), hour, step (0 to 6) and words."""
    marks = [{**row, "hue": f"var(--h{row['step']})"} for row in rows]
    return plot("heat", marks, width, 27 * 7, labels=labels(rows), hours=list(range(24)))


def histogram(rows: Rows, series: Hues, width: int, typical: Sequence[tuple[float, str]]) -> Spec:
    """Columns over seconds. Rows: begin, end and a number and words a series; `typical`: where to draw lines."""
    bin_ = int(rows[0]["end"] - rows[0]["begin"])
    marks, tops = [], dict.fromkeys((row["begin"] for row in rows), 0)
    for row, name, mark in marks_of(rows, series):
        bottom, tops[row["begin"]] = tops[row["begin"]], tops[row["begin"]] + row[name]
        marks.append(
            {
                **mark,
                "a": row["begin"] + bin_ * 0.06,
                "b": row["end"] - bin_ * 0.06,
                "y": bottom,
                "z": tops[row["begin"]],
            }
        )
    most, last = max(tops.values()), BINS * bin_
    drawn = [
        {"a": at, "y": most * (1.14 - 0.13 * place), "t": said} for place, (at, said) in enumerate(typical) if at < last
    ]
    shown = {"last": last + bin_, "highest": most * 1.22, "some": list(range(0, int(last) + 1, int(bin_) * 4))}
    return plot(
        "histogram", marks, width, 230, lines=drawn, words=f"datum.value == {last} ? '{last}+' : datum.value", **shown
    )


def spans(rows: Rows, width: int, series: Hues) -> Spec:
    """From typical to slow. Rows: label and, for each measure, `_half`, `_most` and words."""
    marks = [
        {"y": row["label"], "m": name, "c": f"var(--c{hue})", "w": row[f"{name}_words"]}
        | {"a": row[f"{name}_half"], "b": row[f"{name}_most"]}
        for row in rows
        for name, hue in series
        if row[f"{name}_half"] is not None
    ]
    measures = [name for name, _ in series]
    some_ = steps(max((mark["b"] for mark in marks), default=60))
    how = {"labels": labels(rows), "names": names(rows, width), "measures": measures, "some": some_}
    return plot("spans", marks, width, 44 * len(rows), **how)


def labels(rows: Rows) -> list[str]:
    """The labels in order."""
    return list(dict.fromkeys(row["label"] for row in rows))


def names(rows: Rows, width: int) -> Spec:
    """The axis of the labels of bars, as wide as they are, or a third of the chart."""
    room = min(150, 12 + LETTER * max(len(row["label"]) for row in rows), width * 0.36)
    return {"labelLimit": room - 8, "minExtent": room, "maxExtent": room}


def some(texts: list[str], width: int) -> list[str]:
    """As many labels of an axis as fit beside one another, at even distances."""
    return texts[:: -(-len(texts) * 58 // (width - 30))]


def steps(longest: float) -> list[int]:
    """Round values of an axis of durations, six at most."""
    round_ones = (10, 30, 60, 120, 300, 600, 1800, 3600, 14400)
    step = next((step for step in round_ones if longest <= 5 * step), 86_400)
    return list(range(0, int(longest) + step, step))
