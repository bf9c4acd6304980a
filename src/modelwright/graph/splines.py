"""B-splines of many columns at once, by the recursion of Cox and de Boor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modelwright.graph.builder import NUMBER

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder


def basis(graph: GraphBuilder, values: str, knots: NDArray[np.float64], degree: int) -> str:
    """[N, F, K - degree - 1] from [N, F, 1] and ascending knots [F, K]; missing in, missing out.

    Values must be within the base interval, from knot `degree` to knot K - degree - 1.
    """
    last = knots.shape[1] - degree - 2  # the last interval of the base; it holds its upper end
    lower, upper = knots[:, :-1].copy(), knots[:, 1:].copy()
    upper[:, last], lower[:, last + 1 :] = np.inf, np.inf
    inside = graph.op("And", graph.op("GreaterOrEqual", values, lower), graph.op("Less", values, upper))
    splines = graph.cast(inside, NUMBER)
    for order in range(1, degree + 1):
        start, end = knots[:, :-order], knots[:, order:]
        way = graph.op("Div", graph.op("Sub", values, start), end - start)  # 0 to 1 through each spline's support
        count = knots.shape[1] - order - 1
        rising = graph.op("Mul", _part(graph, way, 0, count), _part(graph, splines, 0, count))
        left = graph.op("Sub", np.float64(1), _part(graph, way, 1, count))
        splines = graph.op("Add", rising, graph.op("Mul", left, _part(graph, splines, 1, count)))
    return splines


def _part(graph: GraphBuilder, tensor: str, start: int, count: int) -> str:
    return graph.op("Slice", tensor, np.array([start]), np.array([start + count]), np.array([2]))
