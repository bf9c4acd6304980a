"""How often learn has each value of a category."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelwright.parts.base import Step
from modelwright.parts.column_types import check_types
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target


class Frequency(Step):
    """The share of learn's known values, or the count; 0 for values that learn never had; missing stays missing.

    Choose it for categories of very many values, whose names say little and whose being rare says much: one column,
    whatever their number. Different values of one frequency become alike. It is category_encoders' `CountEncoder`.
    """

    kind: Literal["frequency"] = "frequency"
    columns: Selector = "categorical"
    measure: Literal["share", "count"] = Field("share", description="Share of the rows that have a value, or rows.")
    max_categories: int = Field(
        10_000, ge=1, le=100_000, description="Values that are remembered: the most frequent; others count as new."
    )
    keep: bool = Field(False, description="Keep the columns as they were beside the new ones.")

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        check_types(self.kind, columns, "text")
        state: State = {}
        for name in columns.names:
            counts = columns.counts(name)
            known = sum(count for _, count in counts)
            kept = counts[: self.max_categories]
            state[name] = {"counts": dict(kept), "whole": known if self.measure == "share" else 1}
        return state

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        import numpy as np

        from modelwright.graph.blocks import Block, stacked
        from modelwright.graph.builder import ML, NUMBER
        from modelwright.graph.encoders import MISSING_TEXT

        tensors = []
        for name in inputs.names:
            counts = {**state[name]["counts"], MISSING_TEXT: -1}
            found = graph.op(
                "LabelEncoder",
                inputs.column(name),
                domain=ML,
                keys_strings=list(counts),
                values_int64s=list(counts.values()),
                default_int64=0,
            )
            share = graph.op("Div", graph.cast(found, NUMBER), np.array([state[name]["whole"] or 1], np.float64))
            missing = graph.op("Equal", found, np.array([-1]))
            tensors.append(graph.op("Where", missing, np.array([np.nan]), share))
        return [Block(stacked(graph, tensors), inputs.names)]


PART = Frequency
