"""Fills missing values with something learnt from the column itself, on all of learn or within groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from modelwright.core.columns import NUMERIC
from modelwright.core.errors import DataError, SpecError
from modelwright.parts.base import Step
from modelwright.parts.groups import by_group, grouped, most_frequent, text_codes
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.groups import Codes
    from modelwright.parts.samples import Floats, Target


class Impute(Step):
    """Median, mean, most frequent value or a constant in place of missing.

    The median is the safe choice for numbers. `indicator` adds a 0/1 column where learn had missing values: use it when
    being missing may mean something. Trees of LightGBM handle missing values themselves and need no imputation. With
    `by`, what is typical within a row's group is filled in, and what is typical of all learn where the group is
    unknown, missing, or never had a value. scikit-learn's twin is SimpleImputer. Where other columns tell more:
    `regression_impute`, `em_impute`, `knn_impute`.
    """

    kind: Literal["impute"] = "impute"
    columns: Selector = "numeric"
    strategy: Literal["median", "mean", "most_frequent", "constant"] = Field(
        "median", description="What to fill in; text has no median and no mean."
    )
    value: float | str | None = Field(None, description="What to fill in, with strategy: constant.")
    by: str | list[str] | None = Field(
        None, min_length=1, description="Names of columns whose values make groups; they stay as they are."
    )
    indicator: bool = Field(False, description="Add a column NAME_missing where learn had missing values.")
    keep: bool = Field(False, description="Keep the columns as they were beside the filled ones.")

    example: ClassVar[Mapping[str, Any]] = {}

    @model_validator(mode="after")
    def _constant_has_value(self) -> Impute:
        if (self.strategy == "constant") != (self.value is not None):
            raise ValueError("`value` belongs to strategy: constant, which needs it")
        if self.strategy == "constant" and self.by:
            raise ValueError("`by` has no use with strategy: constant, which is the same in all groups")
        return self

    @property
    def _groups(self) -> list[str]:
        return [self.by] if isinstance(self.by, str) else self.by or []

    def selects(self) -> str | list[str]:
        if not self._groups:
            return self.columns
        return [*([self.columns] if isinstance(self.columns, str) else self.columns), *self._groups]

    def keeps(self) -> bool:
        return self.keep

    def fills(self) -> str | list[str] | None:
        return self.columns

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        import numpy as np

        groups = grouped(columns, self._groups) if self._groups else None
        fill: dict[str, Any] = {}
        within: dict[str, list[Any]] = {}
        missing = []
        for name in columns.names:
            if name in self._groups:
                continue
            numeric = columns.type(name) in NUMERIC
            values = columns.values(name)
            absent = np.isnan(values) if numeric else values == ""
            if absent.any():
                missing.append(name)
            fill[name] = self._number(name, values[~absent]) if numeric else self._text(name, columns)
            if groups:
                within[name] = self._within(groups.of_rows[~absent], values[~absent], len(groups.keys), fill[name])
        known = {"levels": groups.levels, "groups": groups.keys, "within": within} if groups else {}
        return {"fill": fill, "missing": missing, **known}

    def _number(self, name: str, known: Floats) -> float:
        if self.strategy == "constant":
            if isinstance(self.value, str):
                raise SpecError(f'impute: "{name}" holds numbers, but value is the text {self.value!r}')
            return float(self.value or 0)
        _some(name, len(known))
        return self._typical(known)

    def _typical(self, known: Floats) -> float:
        import numpy as np

        if self.strategy == "most_frequent":
            return float(most_frequent(known))
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

    def _within(self, groups: Codes, known: Any, count: int, overall: Any) -> list[Any]:
        """What to fill in for each group."""
        if known.dtype != object:
            return by_group(groups, known, count, self._typical, overall)
        words, codes = text_codes(known)
        found = by_group(groups, codes, count, most_frequent, None)
        return [overall if code is None else words[code] for code in found]

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        import numpy as np

        from modelwright.graph.blocks import Block
        from modelwright.graph.groups import group_numbers
        from modelwright.graph.missing import flags

        names = [name for name in inputs.names if name not in self._groups]
        numeric = [name for name in names if inputs.type(name) in NUMERIC]
        group = group_numbers(graph, inputs, state["levels"], state["groups"]) if self._groups else None
        blocks = []
        if numeric:
            matrix = inputs.matrix(numeric)
            fill: Any = np.array([state["fill"][name] for name in numeric], np.float64)
            if group:
                table = np.stack([np.array([state["fill"][name], *state["within"][name]]) for name in numeric], axis=1)
                fill = graph.op("Gather", table, group)
            blocks.append(Block(graph.op("Where", graph.op("IsNaN", matrix), fill, matrix), numeric))
        for name in names:
            if name not in numeric:
                text = inputs.column(name)
                fill = np.array([state["fill"][name]], object)
                if group:
                    fill = graph.op("Gather", np.array([state["fill"][name], *state["within"][name]], object), group)
                absent = graph.op("Equal", text, np.array([""], object))
                blocks.append(Block(graph.op("Where", absent, fill, text), [name], inputs.type(name)))
        blocks += flags(graph, inputs, state["missing"] if self.indicator else [])
        return blocks if self.keep else blocks + _unchanged(inputs, self._groups)


def _unchanged(inputs: StepInputs, names: Sequence[str]) -> list[Block]:
    """Columns that were read and stay."""
    from modelwright.graph.blocks import Block

    return [
        Block(inputs.matrix([name]), [name], cardinalities=[inputs.cardinality(name)])
        if inputs.type(name) in NUMERIC
        else Block(inputs.column(name), [name], inputs.type(name))
        for name in names
    ]


def _some(name: str, known: int) -> None:
    if not known:
        raise DataError(
            f'impute: every value of "{name}" is missing on learn',
            hint=f"take it out with {{kind: drop, columns: [{name}]}}, or fill it with strategy: constant",
        )


PART = Impute
