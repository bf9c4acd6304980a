"""Takes out columns that hardly vary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelwright.parts.base import Step
from modelwright.parts.numbers import known
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selection import FEWEST_ROWS, everything, passed_on, selection
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target


class VarianceFilter(Step):
    """Drops columns whose variance on learn is not above `threshold`: at 0 those that are constant.

    Missing values are passed over, so a column that is either missing or one number counts as constant: impute with
    `indicator: true` first where being missing says something. Choose it first of all selections, it is the cheapest;
    a threshold above 0 only makes sense for columns on one scale. scikit-learn's twin is VarianceThreshold, except that
    here one column always stays. All rows are looked at.
    """

    kind: Literal["variance_filter"] = "variance_filter"
    columns: Selector = "numeric"
    threshold: float = Field(0.0, ge=0, description="Columns with a variance above this stay.")

    def selects(self) -> str | list[str]:
        return self.columns

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        import numpy as np

        if columns.rows < FEWEST_ROWS:
            return everything(columns.names)
        scores = np.zeros(len(columns.names))
        for at, name in enumerate(columns.names):
            values = known(columns, name)
            if len(values):  # of equal numbers the variance may not come out as 0, but their span does
                scores[at] = min(np.var(values), np.ptp(values)) if self.threshold == 0 else np.var(values)
        return selection(columns.names, scores, scores > self.threshold)

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        return passed_on(inputs, state["kept"])


PART = VarianceFilter
