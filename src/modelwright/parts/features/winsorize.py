"""Pulls extreme values in to quantiles of learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from modelwright.parts.base import FitColumns, State, Step
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.base import Target


class Winsorize(Step):
    """Values below the lower or above the upper quantile become that quantile; missing values stay missing.

    Choose it before linear models and networks when a few wild values would dominate.
    """

    kind: Literal["winsorize"] = "winsorize"
    columns: Selector = "numeric"
    lower: float = Field(0.005, ge=0, lt=1, description="Quantile of learn that is the least value left.")
    upper: float = Field(0.995, gt=0, le=1, description="Quantile of learn that is the greatest value left.")
    keep: bool = Field(False, description="Keep the columns as they were beside the new ones.")

    @model_validator(mode="after")
    def _ordered(self) -> Winsorize:
        if self.lower >= self.upper:
            raise ValueError("lower must be less than upper")
        return self

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        import numpy as np

        matrix = columns.matrix()
        bounds = np.array([[-np.inf] * matrix.shape[1], [np.inf] * matrix.shape[1]])
        some = ~np.isnan(matrix).all(axis=0)
        bounds[:, some] = np.nanquantile(matrix[:, some], [self.lower, self.upper], axis=0)
        return {"lower": bounds[0], "upper": bounds[1]}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        from modelwright.graph.blocks import Block

        matrix = inputs.matrix()  # comparisons, not Min and Max: a comparison with NaN is false, so missing stays
        raised = graph.op("Where", graph.op("Less", matrix, state["lower"]), state["lower"], matrix)
        bounded = graph.op("Where", graph.op("Greater", raised, state["upper"]), state["upper"], raised)
        return [Block(bounded, inputs.names)]


PART = Winsorize
