"""Smooth curves of a column, for models that can only draw straight lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelwright.core.errors import DataError
from modelwright.parts.base import Step
from modelwright.parts.numbers import all_missing, known, span
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats, Target


class Splines(Step):
    """Each column becomes the B-splines over its range (Eilers and Marx, 1996): knots + degree - 1 columns that add up
    to 1.

    Choose it before a linear model where the relation is smooth but no straight line; `bin` where it jumps. Beyond
    learn's range a curve goes on level or straight. Missing stays missing in all of its columns. Equal quantiles are
    one knot; a constant column gets knots half a unit around it. scikit-learn's twin is SplineTransformer.
    """

    kind: Literal["splines"] = "splines"
    columns: Selector = "numeric"
    knots: int = Field(5, ge=2, le=200, description="How many points the range is divided by, with its ends.")
    degree: int = Field(3, ge=1, le=5, description="Of the polynomials between knots: 3 is smooth to the eye.")
    placement: Literal["uniform", "quantile"] = Field(
        "uniform", description="Knots at equal distances, or with equally many rows of learn between them."
    )
    extrapolation: Literal["constant", "linear"] = Field(
        "constant", description="How the curve goes on beyond learn's range."
    )
    include_bias: bool = Field(
        True, description="Keep the last spline of each column; without it they no longer sum to 1."
    )
    keep: bool = Field(False, description="Keep the columns as they were beside the splines.")

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        return {name: self._knots(known(columns, name), name) for name in columns.names}

    def _knots(self, values: Floats, name: str) -> Floats:
        """The base's knots and `degree` more on either side, as far apart as the base's first and last two."""
        import numpy as np

        if not len(values):
            raise all_missing("splines", name)
        least, greatest = span(values, name)
        if least == greatest:
            least, greatest = least - 0.5, greatest + 0.5
        base = np.linspace(least, greatest, self.knots)
        if self.placement == "quantile" and values.min() < values.max():
            base = np.percentile(values, 100 * np.linspace(0, 1, self.knots))
        base = np.unique(base)
        before, after = base[1] - base[0], base[-1] - base[-2]
        steps = np.arange(1, self.degree + 1)
        knots: Floats = np.concatenate([base[0] - steps[::-1] * before, base, base[-1] + steps * after])
        if not (np.diff(knots) > 0).all():
            raise DataError(
                f'splines: the values of "{name}" are too close together for {self.knots} knots',
                hint="scale the column first: {kind: standardize}",
            )
        return knots

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        from modelwright.graph.blocks import Block

        blocks: dict[str, Block] = {}
        for count in sorted({len(state[name]) for name in inputs.names}):
            names = [name for name in inputs.names if len(state[name]) == count]
            splines = count - self.degree - 1
            made = self._same_count(graph, inputs.matrix(names), [state[name] for name in names], splines)
            kept = splines if self.include_bias else splines - 1
            blocks[names[0]] = Block(made, [f"{name}_spline_{at}" for name in names for at in range(kept)])
        return [blocks[name] for name in inputs.names if name in blocks]

    def _same_count(self, graph: GraphBuilder, matrix: str, knots: list[Floats], splines: int) -> str:
        """[N, F * splines] of the columns of [N, F] that have the same number of knots."""
        import numpy as np

        from modelwright.graph.powers import bounded
        from modelwright.graph.splines import basis

        places = np.array(knots)
        least, greatest = places[:, self.degree, None], places[:, -self.degree - 1, None]
        values = graph.op("Unsqueeze", matrix, np.array([2]))
        inner = bounded(graph, values, least, greatest)
        made = basis(graph, inner, places, self.degree)
        if self.extrapolation == "linear":
            beyond = graph.op("Sub", values, inner)
            below, above = (np.array(slopes) for slopes in zip(*map(self._slopes, knots), strict=True))
            slope = graph.op("Where", graph.op("Less", beyond, np.float64(0)), below, above)
            made = graph.op("Add", made, graph.op("Mul", beyond, slope))
        if not self.include_bias:
            splines -= 1
            made = graph.op("Slice", made, np.array([0]), np.array([splines]), np.array([2]))
        return graph.op("Reshape", made, np.array([-1, len(knots) * splines]))

    def _slopes(self, knots: Floats) -> tuple[Floats, Floats]:
        """Of all splines at both ends of the base interval."""
        import numpy as np
        from scipy.interpolate import BSpline

        splines = BSpline(knots, np.eye(len(knots) - self.degree - 1), self.degree)
        return splines(knots[self.degree], nu=1), splines(knots[-self.degree - 1], nu=1)


PART = Splines
