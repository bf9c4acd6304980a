"""A number for each value of a category."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelwright.core.columns import NUMERIC
from modelwright.core.errors import SpecError
from modelwright.parts.base import Step
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target


class Ordinal(Step):
    """Codes 0, 1, …; unknown, too rare and missing values are missing.

    Without `order` the codes are names, not amounts: models with native categories (LightGBM) split on sets of them,
    linear models expand them. With `order` they are ranks: choose it for sizes, grades and the like.
    """

    kind: Literal["ordinal"] = "ordinal"
    columns: Selector = "categorical"
    order: list[str] | None = Field(None, min_length=1, description="The values from least to greatest.")
    min_count: int = Field(1, ge=1, description="Rows of learn that a value needs to get a code.")
    max_categories: int = Field(
        1000, ge=1, le=10_000, description="Most codes for one input: the most frequent values."
    )
    keep: bool = Field(False, description="Keep the columns as they were beside the codes.")

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        state: State = {}
        for name in columns.names:
            if columns.type(name) in NUMERIC or columns.type(name) == "timestamp":
                raise SpecError(f'ordinal: "{name}" is no category but a {columns.type(name)}')
            counts = [] if self.order else columns.counts(name)
            frequent = [value for value, count in counts if count >= self.min_count][: self.max_categories]
            state[name] = self.order or sorted(frequent)
        return state

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        from modelwright.graph.blocks import Block, stacked
        from modelwright.graph.builder import NUMBER

        codes = graph.cast(
            stacked(graph, [_codes(graph, inputs.column(name), state[name]) for name in inputs.names]), NUMBER
        )
        sizes = None if self.order else [len(state[name]) for name in inputs.names]
        return [Block(codes, inputs.names, cardinalities=sizes)]


def _codes(graph: GraphBuilder, column: str, values: list[str]) -> str:
    from modelwright.graph.builder import ML

    return graph.op(
        "LabelEncoder",
        column,
        domain=ML,
        keys_strings=values or [""],
        values_floats=[float(code) for code in range(len(values))] or [float("nan")],
        default_float=float("nan"),
    )


PART = Ordinal
