"""Charts: Vega-Lite specs, drawn to SVG while the page is made. The same rows give the same bytes.

Colors are CSS variables (page.css), so that a dark page needs no second drawing. There are no axes of time: Vega would
read a date as UTC and print it in the machine's zone, so days are labels. Legends are HTML.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Spec = dict[str, Any]
Rows = list[dict[str, Any]]
WIDE, NARROW, GAP = 600, 340, 20
FONT = "Arial, Helvetica, Liberation Sans, sans-serif"
AXIS = {
    "labelColor": "var(--ink-2)", "titleColor": "var(--ink-2)", "gridColor": "var(--grid)", "domainColor": "var(--line)",
    "tickColor": "var(--line)", "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal",
    "labelFont": FONT, "titleFont": FONT, "labelLimit": 150, "labelPadding": 5, "domain": False, "ticks": False,
}  # fmt: skip
CONFIG = {"background": None, "view": {"stroke": None}, "axis": AXIS, "text": {"font": FONT, "fontSize": 12}}
PERCENT = {"format": ".0%"}
WORDS = re.compile(r'(<(\w+))((?: [\w-]+="[^"]*")*?) aria-label="([^"]*)"((?: [\w-]+="[^"]*")*?)(/>|></\2>)')
ARIA = re.compile(r' (?:aria-[a-z]+|role)="[^"]*"')
LONG_NUMBER = re.compile(r"(\d\.\d)\d+")
GEOMETRY = re.compile(r' (?:d|transform)="[^"]*"')


@dataclass(frozen=True)
class Panel:
    """One chart of a figure: its words, and its spec at a width."""

    build: Callable[[int], Spec]
    caption: str = ""
    columns: tuple[int, int] = (1, 1)
    """How many such panels stand side by side, on a wide page and on a narrow one."""

    def drawn(self, name: str) -> tuple[str, str]:
        """The SVG of both widths. Raises ValueError, with the figure's name, where the spec can't be drawn."""
        widths = [
            (page - GAP * (several - 1)) // several
            for page, several in zip((WIDE, NARROW), self.columns, strict=True)
        ]
        return draw(self.build(widths[0]), name), draw(self.build(widths[1]), name)


def draw(spec: Spec, name: str) -> str:
    """A spec as a slim SVG: marks keep their words as `<title>`, numbers one decimal, nothing else of Vega's ARIA."""
    import vl_convert  # noqa: PLC0415  # only where something is drawn: the tests of words need no 90 MB

    try:
        svg: str = vl_convert.vegalite_to_svg(json.dumps({"config": CONFIG, **spec}), vl_version="6.4")
    except ValueError as error:
        raise ValueError(f"The chart of {name} can't be drawn: {' '.join(str(error).split(chr(10))[:2])}") from error
    svg = WORDS.sub(r"\1\3\5><title>\4</title></\2>", svg)
    svg = GEOMETRY.sub(lambda found: LONG_NUMBER.sub(r"\1", found[0]), ARIA.sub("", svg))
    svg = re.sub(r' (?:xmlns:xlink|class|pointer-events|stroke-miterlimit|version|font-family)="[^"]*"', "", svg)
    svg = re.sub(r"<g>(?:<path d=\"[^\"]*\"/>)?</g>", "", svg)
    return re.sub(r'<svg xmlns="[^"]*"', "<svg", svg)


def plot(width: int, height: float, rows: Rows, *layers: Spec, **more: Any) -> Spec:
    """Layers over the same rows, `width` wide in all."""
    return {
        "width": width, "height": height, "autosize": {"type": "fit-x", "contains": "padding"}, "padding": 2,
        "data": {"values": rows}, "layer": list(layers), **more,
    }  # fmt: skip


def color(number: int) -> str:
    """The CSS variable of a series."""
    return f"var(--c{number})"


def columns(rows: Rows, series: Sequence[tuple[str, int]], width: int, *, height: int = 230, title: str = "") -> Spec:
    """Stacked columns. Rows: label, whole (false: drawn paler) and a number and words for each series."""
    marks = [
        {"x": row["label"], "y": row[name], "c": color(hue), "n": place, "o": 1 if row["whole"] else 0.55, "w": row[f"{name}_words"]}
        for row in rows for place, (name, hue) in enumerate(series) if row[name]
    ]  # fmt: skip
    bar = {
        "mark": {"type": "bar", "stroke": "var(--card)", "strokeWidth": 0.5},
        "encoding": {
            "x": {"field": "x", "type": "ordinal", "title": None, "scale": {"domain": [row["label"] for row in rows], "paddingInner": 0.25},
                  "axis": {"labelAngle": 0, "labelOverlap": "greedy", "labelSeparation": 8}},
            "y": {"field": "y", "type": "quantitative", "title": title or None, "axis": {"tickCount": 5, "format": ",d"}},
            "order": {"field": "n"}, "color": {"field": "c", "scale": None}, "opacity": {"field": "o", "scale": None},
            "description": {"field": "w"},
        },
    }  # fmt: skip
    return plot(width, height, marks, bar)


def bars(rows: Rows, series: Sequence[tuple[str, int]], width: int, *, share: bool = False, targets: bool = False) -> Spec:
    """Stacked bars that lie, one a row. Rows: label, said (behind the bar), target, a number and words a series."""
    marks = [
        {"y": row["label"], "x": row[name], "c": color(row.get("hue", hue)), "n": place, "w": row[f"{name}_words"]}
        for row in rows for place, (name, hue) in enumerate(series) if row[name]
    ]  # fmt: skip
    ends = [
        {"y": row["label"], "x": sum(row[name] or 0 for name, _ in series), "t": row.get("target"), "s": row.get("said", "")}
        for row in rows
    ]  # fmt: skip
    room = 8 + 6.6 * max((len(end["s"]) for end in ends), default=0) if any(end["s"] for end in ends) else 4
    labels = min(150, 12 + 6.6 * max((len(row["label"]) for row in rows), default=0), width * 0.36)
    most = 1.0 if share else max((end["x"] for end in ends), default=1) or 1
    y = {"field": "y", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": labels - 8, "minExtent": labels, "maxExtent": labels},
         "scale": {"domain": [row["label"] for row in rows], "paddingInner": 0.3, "paddingOuter": 0.1}}  # fmt: skip
    x = {"field": "x", "type": "quantitative", "title": None, "scale": {"domain": [0, most], "nice": False}, "stack": "zero",
         "axis": {"tickCount": 4, **PERCENT} if share else {"tickCount": 4, "format": ",d"}}  # fmt: skip
    layers: list[Spec] = [
        {"mark": {"type": "bar", "stroke": "var(--card)", "strokeWidth": 0.5},
         "encoding": {"y": y, "x": x, "order": {"field": "n"}, "color": {"field": "c", "scale": None}, "description": {"field": "w"}}},
        {"data": {"values": ends}, "mark": {"type": "text", "align": "left", "dx": 6, "color": "var(--ink)", "aria": False},
         "encoding": {"y": y, "x": {**x, "stack": None}, "text": {"field": "s"}}},
    ]  # fmt: skip
    if targets:
        layers.append(
            {"data": {"values": [end for end in ends if end["t"]]}, "mark": {"type": "tick", "thickness": 3, "color": "var(--ink)", "height": {"band": 0.9}},
             "encoding": {"y": y, "x": {**x, "field": "t", "stack": None}}}
        )  # fmt: skip
    spec = plot(width - round(room), 26 * len(rows) + 6, marks, *layers)
    return spec | {"padding": {"left": 2, "top": 2, "bottom": 2, "right": room}, "width": width}


def lines(rows: Rows, series: Sequence[tuple[str, int]], width: int, **how: Any) -> Spec:
    """Lines of percentages. Rows: label and a fraction and words a series; `low`, `high`: ends of the axis."""
    height, low, high, target = how.get("height", 200), how["low"], how["high"], how.get("target")
    marks = [
        {"x": row["label"], "y": row[name], "c": color(hue), "s": place, "w": row[f"{name}_words"]}
        for row in rows for place, (name, hue) in enumerate(series) if row[name] is not None
    ]  # fmt: skip
    x = {"field": "x", "type": "ordinal", "title": None, "scale": {"domain": [row["label"] for row in rows], "type": "point", "padding": 0.3},
         "axis": {"labelAngle": 0, "labelOverlap": "greedy", "labelSeparation": how.get("separation", 12)}}  # fmt: skip
    y = {"field": "y", "type": "quantitative", "title": None, "scale": {"domain": [low, high], "zero": False, "nice": False, "clamp": True},
         "axis": {"tickCount": 4, **PERCENT}}  # fmt: skip
    hue = {"field": "c", "scale": None}
    layers: list[Spec] = [
        {"mark": {"type": "line", "strokeWidth": 2}, "encoding": {"x": x, "y": y, "color": hue, "detail": {"field": "s"}}},
        {"mark": {"type": "point", "filled": True, "size": 36, "opacity": 1},
         "encoding": {"x": x, "y": y, "color": hue, "description": {"field": "w"}}},
    ]  # fmt: skip
    if target:
        layers.insert(
            0, {"mark": {"type": "rule", "color": "var(--ink)", "strokeDash": [4, 3]}, "encoding": {"y": {"datum": target, "type": "quantitative", "scale": y["scale"]}}}
        )  # fmt: skip
    return plot(width, height, marks, *layers)


def heat(rows: Rows, width: int) -> Spec:
    """A table of colors. Rows: label (of the line), hour, step (0 to 6) and words."""
    names = list(dict.fromkeys(row["label"] for row in rows))
    y = {"field": "label", "type": "ordinal", "sort": None, "title": None, "scale": {"domain": names}}
    x = {"field": "hour", "type": "ordinal", "title": None, "scale": {"domain": list(range(24))},
         "axis": {"labelAngle": 0, "values": list(range(0, 24, 3)), "labelExpr": "datum.value + ':00'"}}  # fmt: skip
    mark = {"mark": {"type": "rect", "stroke": "var(--card)", "strokeWidth": 1.5, "cornerRadius": 2},
            "encoding": {"x": x, "y": y, "color": {"field": "hue", "scale": None}, "description": {"field": "words"}}}  # fmt: skip
    return plot(width, 27 * len(names), [{**row, "hue": f"var(--h{row['step']})"} for row in rows], mark)


def histogram(rows: Rows, series: Sequence[tuple[str, int]], width: int, marks: Sequence[tuple[float, str]]) -> Spec:
    """Columns over a scale of seconds with lines across. Rows: begin, end and a number and words a series."""
    boxes, highest = [], 0
    for row in rows:
        top = 0
        for name, hue in series:
            if row[name]:
                boxes.append({"a": row["begin"] + 0.6, "b": row["end"] - 0.6, "y": top, "z": top + row[name], "c": color(hue), "w": row[f"{name}_words"]})
                top += row[name]
        highest = max(highest, top)
    last = max(row["end"] for row in rows)
    x = {"field": "a", "type": "quantitative", "title": "seconds until answered, or until the caller hung up", "scale": {"domain": [0, last], "nice": False},
         "axis": {"values": list(range(0, int(last), 30)), "grid": False, "labelExpr": "datum.value == 180 ? '180+' : datum.value"}}  # fmt: skip
    y = {"field": "y", "type": "quantitative", "title": None, "scale": {"domain": [0, highest * 1.22]}, "axis": {"tickCount": 4, "format": ",d"}}
    words = [{"a": at, "y": highest * (1.14 - 0.13 * place), "t": said} for place, (at, said) in enumerate(marks) if at < last]
    return plot(
        width, 230, boxes,
        {"mark": {"type": "rect"}, "encoding": {"x": x, "x2": {"field": "b"}, "y": y, "y2": {"field": "z"}, "color": {"field": "c", "scale": None}, "description": {"field": "w"}}},
        {"data": {"values": words}, "mark": {"type": "rule", "color": "var(--ink)", "strokeDash": [4, 3], "aria": False}, "encoding": {"x": x, "y": y, "y2": {"datum": 0}}},
        {"data": {"values": words}, "mark": {"type": "text", "align": "left", "dx": 5, "dy": 2, "color": "var(--ink)", "aria": False}, "encoding": {"x": x, "y": y, "text": {"field": "t"}}},
    )  # fmt: skip


def spans(rows: Rows, width: int, hues: Sequence[tuple[str, int]]) -> Spec:
    """From typical to slow: a dot, a line and a ring. Rows: label and, a measure, `_half`, `_most` and words."""
    marks = [
        {"y": row["label"], "m": name, "a": row[f"{name}_half"], "b": row[f"{name}_most"], "c": color(hue), "w": row[f"{name}_words"]}
        for row in rows for name, hue in hues if row[f"{name}_half"] is not None
    ]  # fmt: skip
    y = {"field": "y", "type": "nominal", "sort": None, "title": None, "scale": {"domain": [row["label"] for row in rows], "paddingInner": 0.2}}
    offset = {"field": "m", "sort": None, "scale": {"domain": [name for name, _ in hues], "paddingOuter": 0.4}}
    x = {"field": "a", "type": "quantitative", "title": None, "scale": {"zero": True},
         "axis": {"tickCount": 4, "labelExpr": "datum.value >= 60 ? datum.value / 60 + ' min' : datum.value + ' s'", "values": steps([mark["b"] for mark in marks])}}  # fmt: skip
    common = {"y": y, "yOffset": offset, "color": {"field": "c", "scale": None}}
    return plot(
        width, 44 * len(rows), marks,
        {"mark": {"type": "rule", "strokeWidth": 2, "aria": False}, "encoding": {**common, "x": x, "x2": {"field": "b"}}},
        {"mark": {"type": "point", "filled": True, "size": 70, "opacity": 1}, "encoding": {**common, "x": x, "description": {"field": "w"}}},
        {"mark": {"type": "point", "filled": False, "size": 60, "strokeWidth": 2, "fill": "var(--card)"}, "encoding": {**common, "x": {**x, "field": "b"}, "description": {"field": "w"}}},
    )  # fmt: skip


def steps(seconds: Sequence[float]) -> list[int]:
    """Round values of an axis of durations, at most six."""
    longest = max(seconds, default=60)
    step = next((step for step in (10, 30, 60, 120, 300, 600, 1800, 3600, 14400) if longest / step <= 5), 86_400)
    return list(range(0, int(longest) + step, step))
