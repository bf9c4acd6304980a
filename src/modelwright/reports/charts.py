"""Charts as Vega-Lite specifications, and their drawing to static SVG without a browser or a network."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

ACCENT, SECOND, SOFT = "#2f6f9f", "#d9772b", "#9fb0bf"
GROUPS = (ACCENT, SECOND, "#5d9c59", "#8e6bb0", "#c44e52", "#937860", "#d9a62b", "#4fa3a5", "#c77cb0", "#6b7785")
WIDTH, HALF_WIDTH = 620, 330
PERCENT = {"axis": {"format": ".0%", "tickCount": 6}}
FEW_POINTS = 200  # of a scatter: each is drawn large enough to be seen
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_STYLE = {
    "aria": False,  # a picture has no such labels, and writing them fails on a name with a line break
    "font": "DejaVu Sans, Helvetica, Arial, sans-serif",
    "background": "white",
    "view": {"stroke": None},
    "axis": {"gridColor": "#eef2f5", "labelColor": "#5b6b7a", "titleColor": "#1b2733", "labelLimit": 220},
    "legend": {"labelColor": "#5b6b7a", "titleColor": "#1b2733"},
}


def to_svg(specification: Mapping[str, Any]) -> bytes:
    import vl_convert

    full = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": WIDTH,
        "config": _STYLE,
        **specification,
    }
    svg: str = vl_convert.vegalite_to_svg(_drawable(full))
    return _renumbered(svg).encode()


def _drawable(content: Any) -> Any:
    """With escapes for what XML can't hold: such a character in a name would end the whole process."""
    if isinstance(content, str):
        return NOT_XML.sub(lambda found: f"\\x{ord(found[0]):02x}", content)
    if isinstance(content, Mapping):
        return {key: _drawable(value) for key, value in content.items()}
    return [_drawable(value) for value in content] if isinstance(content, list) else content


def _renumbered(svg: str) -> str:
    """The drawing library counts the ids of clips and gradients up from chart to chart: equal charts must be equal."""
    for place, name in enumerate(dict.fromkeys(re.findall(r'\bid="([^"]+)"', svg))):
        svg = svg.replace(f'id="{name}"', f'id="part{place}"').replace(f"url(#{name})", f"url(#part{place})")
    return svg


def histogram(
    edges: Iterable[float], counts: Iterable[float], title: str, *, rule: float | None = None
) -> dict[str, Any]:
    """Bars between neighbouring edges; `edges` has one entry more than `counts`. `rule` marks a value."""
    pairs = itertools.pairwise(edges)
    rows = [
        {"from": float(low), "to": float(high), "rows": float(count)}
        for (low, high), count in zip(pairs, counts, strict=True)
    ]
    bars_between: dict[str, Any] = {
        "mark": {"type": "bar", "color": ACCENT},
        "encoding": {
            "x": _numbers("from", title, zero=False),
            "x2": {"field": "to"},
            "y": _numbers("rows", "rows"),
            "y2": {"datum": 0},
        },
    }
    whole = {"height": 140, "data": {"values": rows}}
    if rule is None:
        return {**whole, **bars_between}
    mark = {
        "data": {"values": [{"at": rule}]},
        "mark": {"type": "rule", "strokeDash": [4, 4], "color": SECOND},
        "encoding": {"x": {"field": "at", "type": "quantitative"}},
    }
    return {**whole, "layer": [bars_between, mark]}


def bars(
    names: Sequence[str], values: Iterable[float], title: str, *, color: str = ACCENT, percent: bool = False
) -> dict[str, Any]:
    """Horizontal bars in the order given; `percent` writes 0.5 as 50%."""
    rows = [{"name": str(name), "value": float(value)} for name, value in zip(names, values, strict=True)]
    return {
        "height": {"step": 20},
        "data": {"values": rows},
        "mark": {"type": "bar", "color": color},
        "encoding": {"y": _names("name"), "x": _numbers("value", title) | (PERCENT if percent else {})},
    }


def intervals(rows: Sequence[Mapping[str, Any]], title: str, *, rule: float | None = None) -> dict[str, Any]:
    """A point with its interval for each of `rows` (name, value, low, high); `rule` marks the overall value."""
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "rule", "color": SOFT, "strokeWidth": 2},
            "encoding": {"x": _numbers("low", title, zero=False), "x2": {"field": "high"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70, "color": ACCENT},
            "encoding": {"x": _numbers("value", title, zero=False)},
        },
    ]
    if rule is not None:
        layers.append(
            {
                "data": {"values": [{"overall": rule}]},
                "mark": {"type": "rule", "strokeDash": [4, 4], "color": SECOND},
                "encoding": {"x": {"field": "overall", "type": "quantitative"}, "y": None},
            }
        )
    return {
        "height": {"step": 22},
        "data": {"values": [dict(row) for row in rows]},
        "encoding": {"y": _names("name")},
        "layer": layers,
    }


def points(
    x: Iterable[float], y: Iterable[float], titles: tuple[str, str], *, diagonal: bool = False
) -> dict[str, Any]:
    """A scatter; `diagonal` adds the line where both are equal."""
    rows = [{"x": float(a), "y": float(b)} for a, b in zip(x, y, strict=True)]
    size = {"size": 14, "opacity": 0.35} if len(rows) > FEW_POINTS else {"size": 40, "opacity": 0.7}
    cloud = {
        "mark": {"type": "point", "filled": True, **size, "color": ACCENT},
        "encoding": {"x": _numbers("x", titles[0], zero=False), "y": _numbers("y", titles[1], zero=False)},
    }
    layers: list[dict[str, Any]] = [cloud]
    if diagonal and rows:
        values = [value for row in rows for value in row.values()]
        ends = [min(values), max(values)]
        layers.append(_line([{"x": end, "y": end} for end in ends], SECOND))
    return {"height": 320, "data": {"values": rows}, "layer": layers}


def groups(rows: Sequence[Mapping[str, Any]], titles: tuple[str, str], title: str) -> dict[str, Any]:
    """A scatter of `rows` (x, y, name), each name in a colour of its own."""
    names = sorted({str(row["name"]) for row in rows}, key=lambda name: (len(name), name))
    return {
        "height": 320,
        "data": {"values": [dict(row) for row in rows]},
        "mark": {"type": "point", "filled": True, "size": 30, "opacity": 0.6},
        "encoding": {
            "x": _numbers("x", titles[0], zero=False),
            "y": _numbers("y", titles[1], zero=False),
            "color": {
                "field": "name",
                "type": "nominal",
                "title": title,
                "scale": {
                    "domain": names,
                    "range": [SOFT if name == "none" else GROUPS[at] for at, name in enumerate(names)],
                },
            },
        },
    }


def lines(
    series: Mapping[str, Sequence[tuple[float, float]]],
    titles: tuple[str, str],
    *,
    diagonal: bool = False,
    percent: bool = False,
    days: bool = False,
) -> dict[str, Any]:
    """One line for each name; `percent` writes a y of 0.5 as 50%, `days` takes x as milliseconds since 1970."""
    rows = [
        {"name": name, "x": float(x), "y": float(y), "order": place}
        for name, pairs in series.items()
        for place, (x, y) in enumerate(pairs)
    ]
    whole = (
        {"axis": {"tickMinStep": 1}}
        if rows and all(float(x).is_integer() for pairs in series.values() for x, _ in pairs)
        else {}
    )
    layer = {
        "mark": {"type": "line", "strokeWidth": 2},
        "encoding": {
            "x": days_axis("x", titles[0]) if days else _numbers("x", titles[0], zero=False) | whole,
            "y": _numbers("y", titles[1], zero=False) | (PERCENT if percent else {}),
            "order": {"field": "order"},
            "color": {
                "field": "name",
                "type": "nominal",
                "title": None,
                "sort": None,
                "scale": {"domain": list(series), "range": [ACCENT, SECOND, "#5d9c59", "#8e6bb0", SOFT][: len(series)]},
                **({} if len(series) > 1 else {"legend": None}),
            },
        },
    }
    layers: list[dict[str, Any]] = [layer]
    if diagonal:
        layers.append(_line([{"x": 0, "y": 0}, {"x": 1, "y": 1}], SOFT))
    return {"height": 280, "data": {"values": rows}, "layer": layers}


def matrix(names: Sequence[str], counts: Sequence[Iterable[float]], titles: tuple[str, str]) -> dict[str, Any]:
    """A confusion matrix: rows are the truth, shades are shares of each row."""
    cells = [
        {
            "truth": str(names[row]),
            "predicted": str(names[column]),
            "rows": float(count),
            "share": float(count) / max(sum(line), 1.0),
        }
        for row, line in enumerate(counts)
        for column, count in enumerate(line)
    ]
    size = max(28, min(70, 560 // max(len(names), 1)))
    return {
        "width": {"step": size},
        "height": {"step": size},
        "data": {"values": cells},
        "encoding": {
            "y": {"field": "truth", "type": "nominal", "title": titles[0], "sort": None},
            "x": {"field": "predicted", "type": "nominal", "title": titles[1], "sort": None},
        },
        "layer": [
            {
                "mark": "rect",
                "encoding": {
                    "color": {
                        "field": "share",
                        "type": "quantitative",
                        "scale": {"range": ["#f3f7fa", ACCENT], "domain": [0, 1]},
                        "title": "share",
                    }
                },
            },
            {
                "mark": {"type": "text", "fontSize": 12},
                "encoding": {
                    "text": {"field": "rows", "format": ",.0f"},
                    "color": {"condition": {"test": "datum.share > 0.6", "value": "white"}, "value": "#1b2733"},
                },
            },
        ],
    }


def _line(ends: list[dict[str, float]], color: str) -> dict[str, Any]:
    return {
        "data": {"values": ends},
        "mark": {"type": "line", "strokeDash": [4, 4], "color": color},
        "encoding": {
            "x": {"field": "x", "type": "quantitative"},
            "y": {"field": "y", "type": "quantitative"},
        },
    }


def _numbers(field: str, title: str, *, zero: bool = True) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", "title": title, "scale": {"zero": zero}}


def days_axis(field: str, title: str) -> dict[str, Any]:
    return {"field": field, "type": "temporal", "title": title, "scale": {"type": "utc"}}


def _names(field: str) -> dict[str, Any]:
    return {"field": field, "type": "nominal", "title": None, "sort": None}
