"""Moves each quantile by one number, so that on new rows it holds what it says, whatever the model and the rows.

Conformalized quantile regression: Romano, Patterson and Candès (NeurIPS 2019), in the form of their Theorem 2, where
both ends of an interval are moved on their own. If new rows are like those that it was fitted on, an interval holds at
least as large a share of them as it says, and hardly more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from modelwright.fitting.quantiles import compile_rising

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats

MIDDLE = 0.5
ROUNDING = 1e-12  # a sum of weights may miss the level by that


@dataclass(frozen=True)
class Conformal:
    """`shifts` [Q] are added to the quantiles, in the target's unit; then they are sorted again."""

    shifts: Floats
    kind: Literal["conformal"] = "conformal"

    @property
    def notes(self) -> Mapping[str, Any]:
        return {"shifts": self.shifts.tolist()}

    def apply(self, quantiles: Floats) -> Floats:
        return np.sort(quantiles + self.shifts, axis=1)

    def compile(self, graph: GraphBuilder, quantiles: str) -> str:
        return compile_rising(graph, graph.op("Add", quantiles, self.shifts), len(self.shifts))


def fewest_rows(levels: Sequence[float]) -> int:
    """Of which one can say where the outermost quantile is, and how well that does on as many others."""
    return int(np.ceil(2 / min(*levels, *(1 - level for level in levels))))


def fit_conformal(levels: Sequence[float], quantiles: Floats, truth: Floats, weights: Floats) -> Conformal:
    """From quantiles [N, Q] of rows that the model was not fitted on, and what came true [N]."""
    above = truth[:, None] - quantiles
    shifts = [_shift(level, above[:, at], weights) for at, level in enumerate(levels)]
    return Conformal(np.array(shifts))


def _shift(level: float, above: Floats, weights: Floats) -> float:
    """Up to which so many rows lie, the row that is still to come counted among those above; of a level below the
    middle among those below, so that it errs outwards."""
    if level < MIDDLE:
        return -_shift(1 - level, -above, weights)
    order = np.argsort(above, kind="stable")
    share = np.cumsum(weights[order]) / (weights.sum() + weights.mean())
    place = min(int(np.searchsorted(share, level - ROUNDING)), len(order) - 1)
    return float(above[order[place]])
