"""Subtracts the mean and divides by the standard deviation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelwright.parts.base import FitColumns, State, Step
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.base import Target


class Standardize(Step):
    """Mean 0 and standard deviation 1 on learn; missing values are passed over and stay missing.

    Choose it for linear models and networks; trees do not need it. A constant column becomes 0.
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

        matrix = columns.matrix()
        known = ~np.isnan(matrix)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, matrix, 0.0).sum(axis=0) / count
        spread = np.sqrt((np.where(known, matrix - mean, 0.0) ** 2).sum(axis=0) / count)
        negligible = spread <= 1e-12 * np.abs(mean)  # a constant column, up to rounding
        return {"mean": mean, "scale": np.where(negligible, 1.0, spread)}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        from modelwright.graph.blocks import Block

        centred = graph.op("Sub", inputs.matrix(), state["mean"])
        return [Block(graph.op("Div", centred, state["scale"]), inputs.names)]


PART = Standardize
