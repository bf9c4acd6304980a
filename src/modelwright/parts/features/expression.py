"""A new column computed from others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from modelwright.core.expression_tree import check_types, names
from modelwright.core.expressions import checked_value, parse
from modelwright.parts.base import Step
from modelwright.parts.samples import FitColumns, State

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target


class Expression(Step):
    """Arithmetic on columns, such as `60 * distance_km / max(speed_kmh, 1)`; its columns stay.

    Choose it when you know a relation that the model would have to find. Missing in, missing out; x / 0 is missing.
    """

    kind: Literal["expression"] = "expression"
    name: str = Field(min_length=1, max_length=200, description="The new column.")
    value: Annotated[str, AfterValidator(checked_value)] = Field(description="What it is; see the expression language.")

    example: ClassVar[Mapping[str, Any]] = {"name": "ratio", "value": "a / max(b, 1)"}

    def selects(self) -> str | list[str]:
        return sorted(names(parse(self.value)))

    def keeps(self) -> bool:
        return True

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        check_types(parse(self.value), {name: columns.type(name) for name in columns.names})
        return {}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        import numpy as np

        from modelwright.graph.blocks import Block
        from modelwright.graph.expressions import compile_value

        values = compile_value(graph, parse(self.value), inputs)
        return [Block(graph.op("Unsqueeze", values, np.array([1])), [self.name])]


PART = Expression
