"""The logarithm of 1 + x."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelwright.parts.base import Step
from modelwright.parts.numbers import numbers
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target


class Log1p(Step):
    """Counts, amounts and durations, whose large values are far apart, come closer together (`numpy.log1p`).

    Choose it for columns that are never negative and reach over several powers of ten. A value of -1 or less has no
    such logarithm and becomes missing; missing values stay missing. Where values may be negative: `power`.
    """

    kind: Literal["log1p"] = "log1p"
    columns: Selector = "numeric"
    keep: bool = Field(False, description="Keep the columns as they were beside the new ones.")

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        for name in columns.names:
            numbers(columns, name)
        return {}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        from modelwright.graph.blocks import Block
        from modelwright.graph.powers import finite, log1p

        return [Block(finite(graph, log1p(graph, inputs.matrix(), len(inputs.names))), inputs.names)]


PART = Log1p
