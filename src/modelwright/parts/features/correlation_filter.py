"""Takes out columns that say what an earlier column says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelwright.parts.base import Step
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selection import FEWEST_ROWS, everything, filled_rows, passed_on, selection
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats, Target


class CorrelationFilter(Step):
    """Of columns that correlate (|r| above `threshold`), keeps the first in the order of the table.

    A column is compared with those kept before it only, so of a chain of three the third may stay. Choose it before
    linear models, whose coefficients it makes readable, and to save the server inputs; trees do not mind such columns.
    scikit-learn has no twin; pandas' `DataFrame.corr` gives the same correlations where nothing is missing (missing
    values count as the column's median). `scores` are the greatest |r| with a column kept before, from 1 down.
    """

    kind: Literal["correlation_filter"] = "correlation_filter"
    columns: Selector = "numeric"
    threshold: float = Field(0.95, gt=0, lt=1, description="Columns correlated more than this with one kept go.")
    method: Literal["pearson", "spearman"] = Field(
        "pearson", description="pearson: of the values; spearman: of their ranks, so any monotone relation counts."
    )
    rows: int = Field(100_000, ge=1000, le=10_000_000, description="Rows of learn that are looked at, drawn by seed.")

    def selects(self) -> str | list[str]:
        return self.columns

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        import numpy as np

        values = filled_rows(columns, self.rows)
        if len(values) < FEWEST_ROWS:
            return everything(columns.names)
        correlation = np.abs(self._correlation(values))
        kept: list[int] = []
        highest = np.zeros(len(columns.names))
        for at in range(len(columns.names)):
            highest[at] = correlation[at, kept].max(initial=0.0)
            if highest[at] <= self.threshold:
                kept.append(at)
        mask = np.isin(np.arange(len(columns.names)), kept)
        return selection(columns.names, 1.0 - highest, mask)

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        return passed_on(inputs, state["kept"])

    def _correlation(self, values: Floats) -> Floats:
        """[k, k]; 0 with a constant column."""
        import numpy as np
        from scipy.stats import rankdata

        if self.method == "spearman":
            values = rankdata(values, axis=0)
        centred = values - values.mean(axis=0)
        length = np.sqrt((centred**2).sum(axis=0))
        centred /= np.where(length > 1e-12 * np.sqrt(len(values)) * np.abs(values).max(axis=0), length, np.inf)
        with one_thread():
            found: Floats = centred.T @ centred
        return found


PART = CorrelationFilter
