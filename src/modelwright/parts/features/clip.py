"""Pulls values in to bounds that the spec names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from modelwright.parts.base import Step
from modelwright.parts.numbers import numbers
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target


class Clip(Step):
    """Values below `min` become `min`, those above `max` become `max`; missing values stay missing (`numpy.clip`).

    Choose it where the bounds are known: a percentage, a sensor's range. Where they are to be learnt: `winsorize`.
    """

    kind: Literal["clip"] = "clip"
    columns: Selector = "numeric"
    min: float | None = Field(None, description="The least value left; none: no lower bound.")
    max: float | None = Field(None, description="The greatest value left; none: no upper bound.")
    keep: bool = Field(False, description="Keep the columns as they were beside the new ones.")

    example: ClassVar[Mapping[str, Any]] = {"min": 0, "max": 100}

    @model_validator(mode="after")
    def _bounded(self) -> Clip:
        if self.min is None and self.max is None:
            raise ValueError("clip needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min must not be greater than max")
        return self

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        for name in columns.names:
            numbers(columns, name)
        return {}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        import numpy as np

        from modelwright.graph.blocks import Block
        from modelwright.graph.powers import bounded

        lower = np.float64(-np.inf if self.min is None else self.min)
        upper = np.float64(np.inf if self.max is None else self.max)
        return [Block(bounded(graph, inputs.matrix(), lower, upper), inputs.names)]


PART = Clip
