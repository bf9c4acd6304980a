"""Subtracts the median and divides by the distance of two quantiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from modelwright.parts.base import Step
from modelwright.parts.numbers import known, safe_scale, span
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target


class Robust(Step):
    """Median 0 and distance of the quartiles 1 on learn, whatever the outliers are; missing values stay missing.

    Choose it instead of `standardize` for columns with outliers that are to stay. Where both quantiles are the same
    value, only the median is subtracted. scikit-learn's twin is RobustScaler.
    """

    kind: Literal["robust"] = "robust"
    columns: Selector = "numeric"
    lower: float = Field(0.25, ge=0, lt=1, description="The lower quantile of learn.")
    upper: float = Field(0.75, gt=0, le=1, description="The upper quantile of learn.")
    keep: bool = Field(False, description="Keep the columns as they were beside the new ones.")

    @model_validator(mode="after")
    def _ordered(self) -> Robust:
        if self.lower >= self.upper:
            raise ValueError("lower must be less than upper")
        return self

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        import numpy as np

        median, scale = np.full(len(columns.names), np.nan), np.ones(len(columns.names))
        for at, name in enumerate(columns.names):
            values = known(columns, name)
            span(values, name)
            if len(values):
                low, median[at], high = np.quantile(values, [self.lower, 0.5, self.upper])
                scale[at] = safe_scale(high - low)
        return {"median": median, "scale": scale}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        from modelwright.graph.blocks import Block

        centred = graph.op("Sub", inputs.matrix(), state["median"])
        return [Block(graph.op("Div", centred, state["scale"]), inputs.names)]


PART = Robust
