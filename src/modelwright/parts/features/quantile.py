"""Puts each value in its place among those of learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelwright.parts.base import Step
from modelwright.parts.numbers import known, span
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats, Target

NEAR = 1e-7  # so near an end counts as the end for output: normal, and is as far as probabilities go


class Quantile(Step):
    """The share of learn's values below, from 0 to 1 (`uniform`), or the z-score of that share (`normal`).

    Choose it before linear models and networks for columns of any shape with outliers: it keeps the order of values and
    nothing else. Values between quantiles are interpolated, values beyond learn become its ends (±5.2 for normal),
    missing values stay missing. scikit-learn's twin is QuantileTransformer with `subsample=None`: all of learn is used.
    The z-score is Wichura's algorithm AS 241.
    """

    kind: Literal["quantile"] = "quantile"
    columns: Selector = "numeric"
    output: Literal["uniform", "normal"] = Field("uniform", description="How the new values are distributed on learn.")
    quantiles: int = Field(1000, ge=2, le=10_000, description="How many to keep; at most as many as learn has rows.")
    keep: bool = Field(False, description="Keep the columns as they were beside the new ones.")

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        import numpy as np

        shares = np.linspace(0, 1, max(1, min(self.quantiles, columns.rows)))
        quantiles = []
        for name in columns.names:
            values = known(columns, name)
            span(values, name)
            quantiles.append(np.percentile(values, shares * 100) if len(values) else np.zeros(0))
        return {"shares": shares, "quantiles": quantiles}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        import numpy as np

        from modelwright.graph import normal
        from modelwright.graph.blocks import Block
        from modelwright.graph.intervals import intervals
        from modelwright.graph.powers import bounded, finite

        matrix = inputs.matrix()
        knots = [np.unique(column) for column in state["quantiles"]]
        tables = [_tables(column, state["shares"]) for column in state["quantiles"]]
        starts = np.concatenate([[0], np.cumsum([len(table[0]) for table in tables])[:-1]]).tolist()
        start, width, low, rise, exact = (np.concatenate(parts) for parts in zip(*tables, strict=True))
        place = intervals(graph, matrix, knots, starts)
        begin = graph.op("Gather", start, place)
        way = graph.op("Div", graph.op("Sub", matrix, begin), graph.op("Gather", width, place))
        climbed = graph.op("Mul", way, graph.op("Gather", rise, place))
        between = graph.op("Add", graph.op("Gather", low, place), climbed)
        at_knot = graph.op("Equal", matrix, begin)
        share = graph.op("Where", at_knot, graph.op("Gather", exact, place), between)
        if self.output == "normal":
            share = _ends(graph, matrix, share, knots)
            edge = NEAR - np.spacing(1)
            share = finite(graph, normal.quantile(graph, bounded(graph, share, edge, 1 - edge), len(knots)))
        return [Block(share, inputs.names)]


def _tables(quantiles: Floats, shares: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """By number of knots that are <= x: the last of them, the width to the next, the share there, its rise to the next,
    and the share of a value that is exactly that knot: the middle of those that several equal quantiles stand for.
    """
    import numpy as np

    if not len(quantiles):
        return (np.full(1, np.nan),) * 5
    knots, first, count = np.unique(quantiles, return_index=True, return_counts=True)
    low, high = shares[first], shares[first + count - 1]
    exact = (low + high) / 2
    exact[-1] = 1.0
    exact[0] = 0.0
    flat = np.zeros(1)
    return (
        np.concatenate([knots[:1], knots]),
        np.concatenate([[1.0], np.diff(knots), [1.0]]),
        np.concatenate([low[:1], high]),
        np.concatenate([flat, low[1:] - high[:-1], flat]),
        np.concatenate([flat, exact]),
    )


def _ends(graph: GraphBuilder, matrix: str, share: str, knots: list[Floats]) -> str:
    import numpy as np

    least = np.array([column[0] if len(column) else np.nan for column in knots])
    greatest = np.array([column[-1] if len(column) else np.nan for column in knots])
    top = graph.op("Greater", graph.op("Add", matrix, np.float64(NEAR)), greatest)
    bottom = graph.op("Less", graph.op("Sub", matrix, np.float64(NEAR)), least)
    share = graph.op("Where", top, np.float64(1), share)
    return graph.op("Where", bottom, np.float64(0), share)


PART = Quantile
