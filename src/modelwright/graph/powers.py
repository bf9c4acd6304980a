"""Logarithms and exponentials near 1 and 0, and numbers kept finite, for matrices [N, width].

ONNX has neither log1p nor expm1; both are had from Log and Exp by Kahan's correction, to some units in the last place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from modelwright.graph.steady import exp_matrix, log_matrix

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder

ONE = np.float64(1)


def log1p(graph: GraphBuilder, matrix: str, width: int) -> str:
    """log(1 + x); -infinity at -1 and missing below it."""
    plus = graph.op("Add", matrix, ONE)
    lost = graph.op("Div", matrix, graph.op("Sub", plus, ONE))  # what rounding 1 + x took away, as a factor
    corrected = graph.op("Mul", log_matrix(graph, plus, width), lost)
    return graph.op("Where", graph.op("Equal", plus, ONE), matrix, corrected)


def expm1(graph: GraphBuilder, matrix: str, width: int) -> str:
    """exp(x) - 1."""
    power = exp_matrix(graph, matrix, width)
    less = graph.op("Sub", power, ONE)
    corrected = graph.op("Mul", less, graph.op("Div", matrix, log_matrix(graph, power, width)))
    near = graph.op("Where", graph.op("Equal", power, ONE), matrix, corrected)
    far = graph.op("Or", graph.op("Less", power, np.float64(0.5)), graph.op("Greater", power, np.float64(2)))
    return graph.op("Where", far, less, near)


def finite(graph: GraphBuilder, matrix: str) -> str:
    """Infinity, which is no number for a model, becomes missing, as in expressions; and missing has the same bits."""
    number = graph.op("Less", graph.op("Abs", matrix), np.float64(np.inf))
    return graph.op("Where", number, matrix, np.float64(np.nan))


def bounded(graph: GraphBuilder, matrix: str, lower: np.ndarray | np.generic, upper: np.ndarray | np.generic) -> str:
    """Within [lower, upper] by column; missing stays, as a comparison with NaN is false (Min and Max don't promise)."""
    raised = graph.op("Where", graph.op("Less", matrix, lower), lower, matrix)
    return graph.op("Where", graph.op("Greater", raised, upper), upper, raised)
