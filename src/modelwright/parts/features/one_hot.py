"""A 0/1 column for each value of a category."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

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


class OneHot(Step):
    """Values that learn never had, or too rarely, become all zeros; missing has a column of its own if learn had any.

    Choose it for linear models and networks with up to some hundred values. Numbers that are codes (season 1 to 4) may
    be named. It is scikit-learn's `OneHotEncoder` with `handle_unknown: ignore`; for one column of all the rare and
    unknown values, put `rare` before it.
    """

    kind: Literal["one_hot"] = "one_hot"
    columns: Selector = "categorical"
    min_count: int = Field(1, ge=1, description="Rows of learn that a value needs to get a column.")
    max_categories: int = Field(200, ge=1, le=5000, description="Most columns for one input: the most frequent values.")
    keep: bool = Field(False, description="Keep the columns as they were beside the new ones.")

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        return {name: self._kept(name, columns) for name in columns.names}

    def _kept(self, name: str, columns: FitColumns) -> dict[str, Any]:
        import numpy as np

        if columns.type(name) == "timestamp":
            raise SpecError(f'one_hot: "{name}" is a timestamp', hint="take its parts first: {kind: datetime_parts}")
        if columns.type(name) in NUMERIC:
            values = columns.values(name)
            known = values[~np.isnan(values)]
            found, sizes = np.unique(known, return_counts=True)
            counts: list[tuple[Any, int]] = sorted(
                zip(found.tolist(), sizes.tolist(), strict=True), key=lambda item: -item[1]
            )
            missing = len(known) < len(values)
        else:
            counts = list(columns.counts(name))
            missing = sum(count for _, count in counts) < columns.rows
        frequent = [value for value, count in counts if count >= self.min_count][: self.max_categories]
        return {"values": sorted(frequent), "missing": missing}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        from modelwright.graph.blocks import Block

        blocks = []
        for name in inputs.names:
            values, missing = state[name]["values"], state[name]["missing"]
            labels = [f"{name}={_written(value)}" for value in values]
            labels += [f"{name}=<missing>"] * missing
            if labels:
                numeric = inputs.type(name) in NUMERIC
                flags = (_numbers if numeric else _texts)(graph, inputs.column(name), values, missing)
                blocks.append(Block(flags, labels))
        return blocks


def _written(value: float | str) -> str:
    """Short, yet another for each value: 1234567 and 1234568 are the same to six digits."""
    if isinstance(value, str):
        return value
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def _texts(graph: GraphBuilder, column: str, values: list[str], missing: bool) -> str:
    import numpy as np

    from modelwright.graph.builder import ML, NUMBER

    keys = [*values, ""] if missing else values
    codes = graph.op(
        "LabelEncoder", column, domain=ML, keys_strings=keys, values_int64s=list(range(len(keys))), default_int64=-1
    )
    rows = graph.op("Unsqueeze", codes, np.array([1]))
    return graph.cast(graph.op("Equal", rows, np.arange(len(keys))[None, :]), NUMBER)


def _numbers(graph: GraphBuilder, column: str, values: list[float], missing: bool) -> str:
    import numpy as np

    from modelwright.graph.builder import NUMBER

    rows = graph.op("Unsqueeze", column, np.array([1]))
    parts = [graph.op("Equal", rows, np.array([values], np.float64))] if values else []
    parts += [graph.op("IsNaN", rows)] if missing else []
    return graph.cast(parts[0] if len(parts) == 1 else graph.op("Concat", *parts, axis=1), NUMBER)


PART = OneHot
