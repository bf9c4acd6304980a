"""One category for all values that learn hardly has."""

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


class Rare(Step):
    """Values that are too rare on learn, and those it never had, become `name`; missing stays missing.

    Choose it before `one_hot`, `ordinal` or `target`, so that the rare and the new are treated alike, as by what learn
    knows of the rare. With `one_hot` it is scikit-learn's `OneHotEncoder` with `min_frequency` and
    `handle_unknown: infrequent_if_exist`, whose `max_categories` counts the group of the rare as well.
    """

    kind: Literal["rare"] = "rare"
    columns: Selector = "categorical"
    min_count: int = Field(10, ge=1, le=1_000_000_000, description="Rows of learn that a value needs to stay.")
    min_share: float = Field(0.0, ge=0, le=1, description="Share of learn's rows that a value needs to stay.")
    max_categories: int = Field(1000, ge=1, le=10_000, description="Most values that stay: the most frequent.")
    name: str = Field("<rare>", min_length=1, max_length=200, description="What the others become.")
    keep: bool = Field(False, description="Keep the columns as they were beside the grouped ones.")

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        check_types(self.kind, columns, "text")
        least = max(self.min_count, self.min_share * columns.rows)
        return {
            name: sorted([value for value, count in columns.counts(name) if count >= least][: self.max_categories])
            for name in columns.names
        }

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        from modelwright.graph.blocks import Block
        from modelwright.graph.builder import ML
        from modelwright.graph.encoders import MISSING_TEXT

        blocks = []
        for name in inputs.names:
            kept = [*state[name], MISSING_TEXT]
            grouped = graph.op(
                "LabelEncoder",
                inputs.column(name),
                domain=ML,
                keys_strings=kept,
                values_strings=kept,
                default_string=self.name,
            )
            blocks.append(Block(grouped, [name], type="category"))
        return blocks


PART = Rare
