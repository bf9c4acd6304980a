"""Pulls extreme values in to quantiles of learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from modelwright.parts.base import Step
from modelwright.parts.numbers import known
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target


class Winsorize(Step):
    """Values below the lower or above the upper quantile become that quantile; missing values stay missing.

    Choose it before linear models and networks when a few wild values would dominate. scipy's `winsorize` is its twin,
    but for learning the bounds once, on learn.
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

        lower = np.full(len(columns.names), -np.inf)
        upper = np.full(len(columns.names), np.inf)
        for at, name in enumerate(columns.names):
            values = known(columns, name)
            if len(values):
                lower[at], upper[at] = np.quantile(values, [self.lower, self.upper])
        return {"lower": lower, "upper": upper}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        from modelwright.graph.blocks import Block
        from modelwright.graph.powers import bounded

        return [Block(bounded(graph, inputs.matrix(), state["lower"], state["upper"]), inputs.names)]


PART = Winsorize
