"""What evaluate tells of quantiles: do as many rows stay below each as it says, and how wide are the intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.reports import charts
from modelwright.reports.page import Block, Chart, Table, Text, figure

if TYPE_CHECKING:
    from modelwright.parts.predictions import Predictions

EXPLAINED = (
    "A quantile holds its promise if about that share of rows is at or below it. Narrow intervals are worth more than "
    "wide ones that hold as well: the pinball loss weighs both."
)


def quantile_facts(said: Predictions) -> dict[str, Any] | None:
    """How much of what the quantiles promise they hold; None where there are none."""
    return None if said.quantile is None else {"levels": _shares(said), "intervals": _intervals(said)}


def _shares(said: Predictions) -> list[dict[str, Any]]:
    """For each quantile the share of rows at or below it, by the rows' weights."""
    assert said.quantile is not None
    shares = np.average(said.truth[:, None] <= said.quantile, axis=0, weights=said.weights)
    return [{"quantile": level, "below": float(share)} for level, share in zip(said.levels, shares, strict=True)]


def _intervals(said: Predictions) -> list[dict[str, Any]]:
    """The outermost two quantiles, the next two, and so on: what they promise, what they hold, how far they are apart.

    A median in the middle is no interval.
    """
    assert said.quantile is not None
    found = []
    for low in range(len(said.levels) // 2):
        high = len(said.levels) - 1 - low
        lower, upper = said.quantile[:, low], said.quantile[:, high]
        inside = (said.truth > lower) & (said.truth <= upper)
        found.append(
            {
                "low": said.levels[low],
                "high": said.levels[high],
                "promised": said.levels[high] - said.levels[low],
                "inside": float(np.average(inside, weights=said.weights)),
                "width": float(np.average(upper - lower, weights=said.weights)),
            }
        )
    return found


def quantile_words(facts: Mapping[str, Any], target: str) -> list[str]:
    """For readers who are not engineers."""
    if not facts["intervals"]:
        (one,) = facts["levels"]
        said = f"{one['below']:.0%} of the rows have a {target} at or below what is predicted"
        return [f"{said} ({one['quantile']:.0%} were promised)."]
    one = facts["intervals"][0]
    return [
        f"{one['inside']:.0%} of the rows have a {target} between the quantiles {one['low']:g} and {one['high']:g} "
        f"({one['promised']:.0%} were promised), which are {figure(one['width'], 3)} apart on average."
    ]


def quantile_blocks(facts: Mapping[str, Any]) -> list[Block]:
    levels = facts["levels"]
    rows = [(f"{one['quantile']:g}", f"{one['quantile']:.1%}", f"{one['below']:.1%}") for one in levels]
    blocks: list[Block] = [Table(("quantile", "promised below", "rows at or below"), rows, frozenset({1, 2}))]
    if len(levels) > 2:
        series = {"quantiles": [(one["quantile"], one["below"]) for one in levels]}
        chart = charts.lines(series, ("promised share", "share of rows at or below"), diagonal=True)
        blocks.append(Chart(chart, "On the dashed line as many rows stay below a quantile as it says"))
    spans = [
        (
            f"{one['low']:g} and {one['high']:g}",
            f"{one['promised']:.1%}",
            f"{one['inside']:.1%}",
            figure(one["width"], 4),
        )
        for one in facts["intervals"]
    ]
    if spans:
        headers = ("between the quantiles", "promised inside", "rows inside", "mean width")
        blocks.append(Table(headers, spans, frozenset({1, 2, 3})))
    return [*blocks, Text(EXPLAINED, "note")]
