"""A self-contained HTML page from plain blocks: no script, no network, everything escaped."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

from jinja2 import Environment, StrictUndefined

from modelwright import __version__
from modelwright.core.units import format_number
from modelwright.reports.charts import HALF_WIDTH, to_svg

DIGITS = 4  # significant ones


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
    small: bool = False  # two of them stand side by side
    kind: str = "chart"

    @property
    def source(self) -> str:
        drawn = {**self.specification, "width": HALF_WIDTH} if self.small else self.specification
        return "data:image/svg+xml;base64," + base64.b64encode(to_svg(drawn)).decode()


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


def figure(value: Any, digits: int = DIGITS) -> str:
    """A number as a person wants to read it; a dash where there is none."""
    if value is None or value != value:  # NaN: a score that is undefined on these rows
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return format_number(value, digits)
    return str(value)


def with_interval(entry: Mapping[str, Any]) -> str:
    """`0.862 (0.841 to 0.881)`."""
    value, low, high = alike(entry["value"], entry["low"], entry["high"])
    return f"{value} ({low} to {high})"


def alike(*values: float | None) -> list[str]:
    """Figures to be compared: all with the decimals of the largest, `0.8100` beside `0.7859`."""
    known = [abs(value) for value in values if value is not None and math.isfinite(value)]
    largest = max(known, default=0.0)
    if not 1e-3 <= largest < 1e15:
        return [figure(value) for value in values]
    decimals = max(DIGITS - 1 - math.floor(math.log10(largest)), 0)
    return [f"{value:,.{decimals}f}" if value is not None and math.isfinite(value) else "–" for value in values]
