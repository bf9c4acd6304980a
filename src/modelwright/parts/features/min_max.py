"""Stretches each column to a range."""

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


class MinMax(Step):
    """The least value of learn becomes `min`, the greatest `max`; new rows may lie outside, unless `clip` is set.

    Choose it for models that want inputs of one known range, such as pixels or percentages; one wild value squeezes all
    others together (`robust` does not mind). A constant column becomes `min`; missing values stay missing.
    scikit-learn's twin is MinMaxScaler.
    """

    kind: Literal["min_max"] = "min_max"
    columns: Selector = "numeric"
    min: float = Field(0.0, description="What the least value of learn becomes.")
    max: float = Field(1.0, description="What the greatest value of learn becomes.")
    clip: bool = Field(False, description="Pull values of new rows in to the range.")
    keep: bool = Field(False, description="Keep the columns as they were beside the new ones.")

    @model_validator(mode="after")
    def _ordered(self) -> MinMax:
        if self.min >= self.max:
            raise ValueError("min must be less than max")
        return self

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        import numpy as np

        found = np.array([span(known(columns, name), name) for name in columns.names])
        width = np.array([safe_scale(greatest - least) for least, greatest in found])
        return {"least": found[:, 0], "width": width}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        import numpy as np

        from modelwright.graph.blocks import Block
        from modelwright.graph.powers import bounded

        shares = graph.op("Div", graph.op("Sub", inputs.matrix(), state["least"]), state["width"])
        stretched = graph.op("Add", graph.op("Mul", shares, np.float64(self.max - self.min)), np.float64(self.min))
        if self.clip:
            stretched = bounded(graph, stretched, np.float64(self.min), np.float64(self.max))
        return [Block(stretched, inputs.names)]


PART = MinMax
