"""A self-contained HTML page from plain blocks: no script, no network, everything escaped."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

from jinja2 import Environment, StrictUndefined

from modelwright import __version__
from modelwright.reports.charts import to_svg


@dataclass(frozen=True)
class Text:
    text: str
    tone: Literal["", "good", "bad", "warn", "note"] = ""
    kind: str = "text"


@dataclass(frozen=True)
class Table:
    """`numeric` holds the places of the columns that are set to the right."""

    headers: Sequence[str]
    rows: Sequence[Sequence[Any]]
    numeric: frozenset[int] = frozenset()
    kind: str = "table"


@dataclass(frozen=True)
class Chart:
    """A Vega-Lite specification, drawn to SVG; the caption says what one should see."""

    specification: Mapping[str, Any]
    caption: str
    kind: str = "chart"

    @property
    def source(self) -> str:
        return "data:image/svg+xml;base64," + base64.b64encode(to_svg(self.specification)).decode()


Block = Text | Table | Chart


@dataclass(frozen=True)
class Section:
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """`summary` is for readers who are not engineers: what was found, in plain sentences."""

    title: str
    subtitle: str
    summary: Sequence[str]
    sections: Sequence[Section]
    footer: str = f"modelwright {__version__}"


def render(page: Page) -> bytes:
    """The same page gives the same bytes."""
    room = files("modelwright.reports")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((room / "page.html").read_text("utf-8"))
    return template.render(page=page, style=(room / "page.css").read_text("utf-8")).encode()


def figure(value: Any, digits: int = 4) -> str:
    """A number as a person wants to read it; a dash where there is none."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.{digits}g}" if abs(value) < 1e6 else f"{value:,.0f}"
    return str(value)


def with_interval(entry: Mapping[str, Any]) -> str:
    """`0.862 (0.841 to 0.881)`."""
    return f"{figure(entry['value'])} ({figure(entry['low'])} to {figure(entry['high'])})"
