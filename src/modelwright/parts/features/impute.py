"""Fills missing values with something learnt from the column itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from modelwright.core.columns import NUMERIC
from modelwright.core.errors import DataError, SpecError
from modelwright.parts.base import FitColumns, State, Step
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.base import Floats, Target


class Impute(Step):
    """Median, mean, most frequent value or a constant in place of missing.

    The median is the safe choice for numbers. `indicator` adds a 0/1 column where learn had missing values: use it when
    being missing may mean something. Trees of LightGBM handle missing values themselves and need no imputation.
    """

    kind: Literal["impute"] = "impute"
    columns: Selector = "numeric"
    strategy: Literal["median", "mean", "most_frequent", "constant"] = Field(
        "median", description="What to fill in; text has no median and no mean."
    )
    value: float | str | None = Field(None, description="What to fill in, with strategy: constant.")
    indicator: bool = Field(False, description="Add a column NAME_missing where learn had missing values.")
    keep: bool = Field(False, description="Keep the columns as they were beside the filled ones.")

    example: ClassVar[Mapping[str, Any]] = {}

    @model_validator(mode="after")
    def _constant_has_value(self) -> Impute:
        if (self.strategy == "constant") != (self.value is not None):
            raise ValueError("`value` belongs to strategy: constant, which needs it")
        return self

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        import numpy as np

        fill: dict[str, Any] = {}
        missing = []
        for name in columns.names:
            numeric = columns.type(name) in NUMERIC
            values = columns.values(name)
            absent = np.isnan(values) if numeric else values == ""
            if absent.any():
                missing.append(name)
            fill[name] = self._number(name, values[~absent]) if numeric else self._text(name, columns)
        return {"fill": fill, "missing": missing}

    def _number(self, name: str, known: Floats) -> float:
        import numpy as np

        if self.strategy == "constant":
            if isinstance(self.value, str):
                raise SpecError(f'impute: "{name}" holds numbers, but value is the text {self.value!r}')
            return float(self.value or 0)
        _some(name, len(known))
        if self.strategy == "most_frequent":
            found, counts = np.unique(known, return_counts=True)
            return float(found[np.argmax(counts)])
        return float(np.median(known) if self.strategy == "median" else known.mean())

    def _text(self, name: str, columns: FitColumns) -> str:
        if columns.type(name) == "timestamp":
            raise SpecError(f'impute: "{name}" is a timestamp', hint="make numbers of it first: {kind: datetime_parts}")
        if self.strategy == "constant":
            return self.value if isinstance(self.value, str) else f"{self.value:g}"
        if self.strategy != "most_frequent":
            raise SpecError(
                f'impute: "{name}" holds text, which has no {self.strategy}',
                hint="use strategy: most_frequent or constant, or columns: numeric",
            )
        counts = columns.counts(name)
        _some(name, len(counts))
        return counts[0][0]

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        import numpy as np

        from modelwright.graph.blocks import Block
        from modelwright.graph.builder import NUMBER

        numbers = [name for name in inputs.names if inputs.type(name) in NUMERIC]
        blocks = []
        if numbers:
            matrix = inputs.matrix(numbers)
            fill = np.array([state["fill"][name] for name in numbers], np.float64)
            blocks.append(Block(graph.op("Where", graph.op("IsNaN", matrix), fill, matrix), numbers))
        for name in inputs.names:
            if name not in numbers:
                text = inputs.column(name)
                absent = graph.op("Equal", text, _text_constant(""))
                filled = graph.op("Where", absent, _text_constant(state["fill"][name]), text)
                blocks.append(Block(filled, [name], inputs.type(name)))
        flagged = state["missing"] if self.indicator else []
        for name in flagged:
            column = inputs.column(name)
            absent = graph.op("IsNaN", column) if name in numbers else graph.op("Equal", column, _text_constant(""))
            flag = graph.op("Unsqueeze", graph.cast(absent, NUMBER), np.array([1]))
            blocks.append(Block(flag, [f"{name}_missing"]))
        return blocks


def _text_constant(text: str) -> Any:
    import numpy as np

    return np.array([text], object)


def _some(name: str, known: int) -> None:
    if not known:
        raise DataError(
            f'impute: every value of "{name}" is missing on learn',
            hint=f"take it out with {{kind: drop, columns: [{name}]}}, or fill it with strategy: constant",
        )


PART = Impute
