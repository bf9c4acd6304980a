"""Categories of any number of values in a fixed number of columns."""

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


class Hashing(Step):
    """Each value adds 1 or -1 to the column that its hash picks; all columns share the buckets; missing adds nothing.

    Choose it for categories of more values than one can list, or where new values come every day: nothing is learnt,
    so nothing grows or gets old. Values that meet in one bucket can't be told apart. It is scikit-learn's
    `FeatureHasher` of {column: value}. Weinberger and others, "Feature hashing for large scale multitask learning",
    2009.
    """

    kind: Literal["hashing"] = "hashing"
    columns: Selector = "categorical"
    buckets: int = Field(64, ge=2, le=10_000, description="How many columns are made.")
    alternate_sign: bool = Field(True, description="Half of the values count -1, so that meetings cancel on average.")
    name: str = Field("hash", min_length=1, max_length=200, description="The new columns: hash_0, hash_1, …")
    keep: bool = Field(False, description="Keep the columns as they were beside the new ones.")

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        check_types(self.kind, columns, "text")
        return {}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        from functools import reduce

        from modelwright.graph.blocks import Block

        added = [self._flags(graph, name, inputs.column(name)) for name in inputs.names]
        total = reduce(lambda first, other: graph.op("Add", first, other), added)
        return [Block(total, [f"{self.name}_{at}" for at in range(self.buckets)])]

    def _flags(self, graph: GraphBuilder, name: str, column: str) -> str:
        """[N, buckets]: 1 or -1 in one place of each row, or nowhere."""
        import numpy as np

        from modelwright.graph.builder import CONTRIB, INTEGER
        from modelwright.graph.encoders import MISSING_TEXT

        key = graph.op("StringConcat", np.array([f"{name}="], object), column)
        code = graph.cast(graph.op("MurmurHash3", key, domain=CONTRIB, positive=0, seed=0), INTEGER)
        bucket = graph.op("Mod", graph.op("Abs", code), np.array([self.buckets]))
        value = np.array([1.0])
        sign = graph.op("Where", graph.op("Less", code, np.array([0])), -value, value)
        missing = graph.op("Equal", column, np.array([MISSING_TEXT], object))
        value_of_row = graph.op("Where", missing, 0 * value, sign if self.alternate_sign else value)
        here = graph.op("Equal", graph.op("Unsqueeze", bucket, np.array([1])), np.arange(self.buckets)[None, :])
        return graph.op("Where", here, graph.op("Unsqueeze", value_of_row, np.array([1])), np.array([[0.0]]))


PART = Hashing
