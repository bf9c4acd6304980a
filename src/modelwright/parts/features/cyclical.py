"""Numbers that come round again, as points on a circle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Step
from modelwright.parts.column_types import check_types
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target


class Cyclical(Step):
    """Sine and cosine of 2 pi x / period, so that 23 h is near 0 h and 359 degrees near 1.

    Choose it for angles, hours and months that are numbers already, in front of linear models and networks; for
    timestamps there is `datetime_parts` with `cyclical`. Missing in, missing out.
    """

    kind: Literal["cyclical"] = "cyclical"
    columns: Selector
    period: float = Field(gt=0, le=1e15, description="How far it is once round: 24 for hours, 360 for degrees.")
    keep: bool = Field(False, description="Keep the columns as they were beside the new ones.")

    example: ClassVar[Mapping[str, Any]] = {"columns": ["hour"], "period": 24}

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        check_types(self.kind, columns, "number")
        return {}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        import numpy as np

        from modelwright.graph.blocks import Block
        from modelwright.graph.trigonometry import cosine, sine

        turns = graph.op("Div", inputs.matrix(), np.float64(self.period))
        within = graph.op("Sub", turns, graph.op("Floor", turns))
        angles = graph.op("Reshape", graph.op("Mul", within, np.float64(2 * np.pi)), np.array([-1]))
        shape = np.array([-1, len(inputs.names)])
        places = [graph.op("Reshape", around(graph, angles), shape) for around in (sine, cosine)]
        names = [f"{name}_{around}" for around in ("sin", "cos") for name in inputs.names]
        return [Block(graph.op("Concat", *places, axis=1), names)]


PART = Cyclical
