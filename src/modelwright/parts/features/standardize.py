"""Subtracts the mean and divides by the standard deviation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelwright.parts.base import Step
from modelwright.parts.numbers import mean_and_scale, numbers
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target


class Standardize(Step):
    """Mean 0 and standard deviation 1 on learn; missing values are passed over and stay missing.

    Choose it for linear models and networks; trees do not need it. A constant column becomes 0. scikit-learn's twin is
    StandardScaler.
    """

    kind: Literal["standardize"] = "standardize"
    columns: Selector = "numeric"
    keep: bool = Field(False, description="Keep the columns as they were beside the standardized ones.")

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        import numpy as np

        found = np.array([mean_and_scale(numbers(columns, name), name) for name in columns.names])
        return {"mean": found[:, 0], "scale": found[:, 1]}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        from modelwright.graph.blocks import Block

        centred = graph.op("Sub", inputs.matrix(), state["mean"])
        return [Block(graph.op("Div", centred, state["scale"]), inputs.names)]


PART = Standardize
