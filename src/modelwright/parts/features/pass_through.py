"""Says that columns of numbers go to the model as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from modelwright.parts.base import Step
from modelwright.parts.numbers import numbers
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target


class PassThrough(Step):
    """Columns that no step names go to the model as they are anyway: true is 1, false is 0, missing stays missing.

    Choose it to have that written down and checked: a column that is not there, or is no number at this point, is an
    error here and not a surprise later. scikit-learn's twin is `"passthrough"` in a ColumnTransformer.
    """

    kind: Literal["pass_through"] = "pass_through"
    columns: Selector

    example: ClassVar[Mapping[str, Any]] = {"columns": ["distance_km"]}

    def selects(self) -> str | list[str]:
        return self.columns

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        for name in columns.names:
            numbers(columns, name)
        return {}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        from modelwright.graph.blocks import Block

        cardinalities = [inputs.cardinality(name) for name in inputs.names]
        return [Block(inputs.matrix(), inputs.names, cardinalities=cardinalities)]


PART = PassThrough
