"""What evaluate tells of the learning curve: would more rows help?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from modelwright.reports import charts
from modelwright.reports.page import Block, Chart, Table, Text, figure, with_interval


def learning_curve_blocks(curve: Mapping[str, Any]) -> list[Block]:
    shown = [point for point in curve["points"] if point["score"] is not None]
    blocks: list[Block] = []
    if len(shown) > 1:
        names = {"value": curve["metric"], "low": "lower end", "high": "upper end"}
        series = {name: [(point["rows"], point["score"][key]) for point in shown] for key, name in names.items()}
        chart = charts.lines(series, ("rows learnt from", curve["metric"]))
        caption = f"{curve['model']}, fitted on more and more rows, scored on the same validation rows"
        blocks.append(Chart(chart, caption))
    rows = [
        (f"{point['rows']:,}", with_interval(point["score"]) if point["score"] else point.get("why", "too few rows"))
        for point in curve["points"]
    ]
    blocks.append(Table(("rows learnt from", f"{curve['metric']} (interval)"), rows, frozenset({0})))
    return [*blocks, *(Text(line, "note") for line in learning_curve_words(curve))]


def learning_curve_words(curve: Mapping[str, Any]) -> list[str]:
    """Whether the score still moved when the rows were doubled."""
    found = curve["last_doubling"]
    if found is None or not math.isfinite(found["standard_error"]):
        return []
    gain, error = found["gain"], found["standard_error"]
    told = f"Twice the rows improved {curve['metric']} by {figure(gain, 3)} (give or take {figure(2 * error, 2)})"
    if gain > 2 * error:
        return [f"{told}: more rows will probably help."]
    return [f"{told}: no clear gain, so more rows of this kind will hardly help; better columns might."]
