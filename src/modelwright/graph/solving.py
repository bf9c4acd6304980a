"""Solves one linear system per row, of the same symmetric matrix but other unknowns in each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modelwright.graph.builder import NUMBER

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder

NOTHING = 1e-250  # a square sum below this is 0: the row is solved


def solved(graph: GraphBuilder, matrix: NDArray[np.float64], right: str, unknown: str, steps: int) -> str:
    """[N, d]: x with (A x)_u = b_u for the row's unknown columns u [N, d], and 0 for the others.

    Conjugate gradients (Hestenes and Stiefel, 1952) on the positive definite `matrix` [d, d], `steps` of them.
    """
    free = graph.cast(unknown, NUMBER)
    ones = np.ones((len(matrix), 1))
    residual = graph.op("Mul", right, free)
    direction, solution = residual, ""
    size = graph.op("MatMul", graph.op("Mul", residual, residual), ones)
    for step in range(steps):
        moved = graph.op("Mul", graph.op("MatMul", direction, matrix), free)
        length = _ratio(graph, size, graph.op("MatMul", graph.op("Mul", direction, moved), ones))
        advance = graph.op("Mul", length, direction)
        solution = graph.op("Add", solution, advance) if solution else advance
        if step == steps - 1:
            break
        residual = graph.op("Sub", residual, graph.op("Mul", length, moved))
        before, size = size, graph.op("MatMul", graph.op("Mul", residual, residual), ones)
        direction = graph.op("Add", residual, graph.op("Mul", _ratio(graph, size, before), direction))
    return solution


def _ratio(graph: GraphBuilder, numerator: str, denominator: str) -> str:
    """0 where the denominator is: there is nothing left to do."""
    some = graph.op("Greater", denominator, np.float64(NOTHING))
    return graph.op("Where", some, graph.op("Div", numerator, denominator), np.float64(0))
