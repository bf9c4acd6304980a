"""How long a text is, and what it is made of."""

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

Statistic = Literal["characters", "words", "digit_share", "capital_share"]
COUNTED = {
    "characters": "(?s:.)",
    "words": r"[\p{L}\p{N}_]+",
    "digit_share": r"\p{Nd}",
    "capital_share": r"\p{Lu}",
}


class TextStatistics(Step):
    """Number of characters and of words, and the share of digits and of capital letters among the characters.

    Choose it beside `tfidf` (with `keep: true` there or here), where how something is written says much: spam, titles,
    notes. A missing text counts as an empty one: all zeros.
    """

    kind: Literal["text_statistics"] = "text_statistics"
    columns: Selector = "text"
    statistics: list[Statistic] = Field(
        ["characters", "words", "digit_share", "capital_share"], min_length=1, description="Which numbers to take."
    )
    keep: bool = Field(False, description="Keep the texts for later steps.")

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        check_types(self.kind, columns, "text")
        return {}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        import numpy as np

        from modelwright.graph.blocks import Block, stacked
        from modelwright.graph.builder import NUMBER
        from modelwright.graph.text import matches_counted

        blocks = []
        for name in inputs.names:
            column = inputs.column(name)

            def count(statistic: str, column: str = column) -> str:
                return graph.cast(matches_counted(graph, column, COUNTED[statistic]), NUMBER)

            found = {statistic: count(statistic) for statistic in dict.fromkeys((*self.statistics, "characters"))}
            least_one = graph.op("Max", found["characters"], np.array([1.0]))
            tensors = [
                graph.op("Div", found[statistic], least_one) if statistic.endswith("_share") else found[statistic]
                for statistic in self.statistics
            ]
            blocks.append(Block(stacked(graph, tensors), [f"{name}_{statistic}" for statistic in self.statistics]))
        return blocks


PART = TextStatistics
