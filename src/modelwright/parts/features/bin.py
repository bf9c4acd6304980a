"""Cuts numbers into bins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from modelwright.parts.base import Step
from modelwright.parts.numbers import known, span
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats, Target


class Bin(Step):
    """The number of the bin that a value falls into, from 0, or a 0/1 column for each bin.

    Choose `one_hot` before a linear model for a relation that is no straight line, or `edges` where an expert names
    classes of age or size. Bins hold their lower edge and not their upper; the first and last also take what lies
    beyond. Missing stays missing; with `one_hot` it is a column of its own where learn had any. Equal quantiles are
    one edge, a constant column is one bin. scikit-learn's twin is KBinsDiscretizer (`quantile`: averaged_inverted_cdf),
    which also merges bins narrower than 1e-8; for `edges` it is numpy.digitize.
    """

    kind: Literal["bin"] = "bin"
    columns: Selector = "numeric"
    strategy: Literal["quantile", "equal_width", "edges"] = Field(
        "quantile", description="Bins with equally many rows of learn, of equal width, or between the edges named."
    )
    bins: int = Field(5, ge=2, le=1000, description="How many, with strategy: quantile or equal_width.")
    edges: list[float] | None = Field(
        None, min_length=1, max_length=1000, description="With strategy: edges, where bins meet, ascending: n + 1 bins."
    )
    output: Literal["ordinal", "one_hot"] = Field("ordinal", description="One column of numbers, or one for each bin.")
    keep: bool = Field(False, description="Keep the columns as they were beside the bins.")

    @model_validator(mode="after")
    def _edges_ascend(self) -> Bin:
        if (self.strategy == "edges") != (self.edges is not None):
            raise ValueError("`edges` belongs to strategy: edges, which needs it")
        if self.edges and sorted(set(self.edges)) != self.edges:
            raise ValueError("edges must be ascending")
        return self

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        import numpy as np

        edges, missing = [], []
        for name in columns.names:
            values = known(columns, name)
            edges.append(np.array(self.edges) if self.edges else self._inner_edges(values, name))
            if len(values) < columns.rows:
                missing.append(name)
        return {"edges": edges, "missing": missing}

    def _inner_edges(self, values: Floats, name: str) -> Floats:
        import numpy as np

        least, greatest = span(values, name)
        if not least < greatest:
            return np.zeros(0)
        if self.strategy == "equal_width":
            return np.unique(np.linspace(least, greatest, self.bins + 1))[1:-1]
        shares = np.linspace(0, 100, self.bins + 1)
        return np.unique(np.percentile(values, shares, method="averaged_inverted_cdf"))[1:-1]

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        import numpy as np

        from modelwright.graph.blocks import Block
        from modelwright.graph.builder import NUMBER
        from modelwright.graph.intervals import intervals
        from modelwright.graph.missing import flags

        matrix = inputs.matrix()
        bins = graph.cast(intervals(graph, matrix, state["edges"], [0] * len(inputs.names)), NUMBER)
        codes = graph.op("Where", graph.op("IsNaN", matrix), np.float64(np.nan), bins)
        if self.output == "ordinal":
            return [Block(codes, inputs.names)]
        counts = [len(edges) + 1 for edges in state["edges"]]
        places = np.repeat(np.arange(len(counts)), counts)
        numbered = np.concatenate([np.arange(count, dtype=np.float64) for count in counts])
        hits = graph.cast(graph.op("Equal", graph.op("Gather", codes, places, axis=1), numbered), NUMBER)
        labels = [f"{name}_bin_{at}" for name, count in zip(inputs.names, counts, strict=True) for at in range(count)]
        return [Block(hits, labels), *flags(graph, inputs, state["missing"])]


PART = Bin
