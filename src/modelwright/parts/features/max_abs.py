"""Divides by the greatest absolute value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelwright.parts.base import Step
from modelwright.parts.numbers import known, safe_scale
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target


class MaxAbs(Step):
    """The greatest absolute value of learn becomes 1, and 0 stays 0; missing values stay missing.

    Choose it for counts and other columns where 0 means nothing and most values are 0. A column of zeros stays.
    scikit-learn's twin is MaxAbsScaler.
    """

    kind: Literal["max_abs"] = "max_abs"
    columns: Selector = "numeric"
    keep: bool = Field(False, description="Keep the columns as they were beside the new ones.")

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        import numpy as np

        greatest = (np.abs(known(columns, name)).max(initial=0.0) for name in columns.names)
        return {"scale": np.array([safe_scale(float(value)) for value in greatest])}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        from modelwright.graph.blocks import Block

        return [Block(graph.op("Div", inputs.matrix(), state["scale"]), inputs.names)]


PART = MaxAbs
