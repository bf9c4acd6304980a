"""The normal distribution's quantile function, which ONNX has no operator for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from modelwright.graph.steady import log_matrix

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder

# Coefficients of Wichura's algorithm AS 241 (PPND16), Applied Statistics 37 (1988), highest power first.
MIDDLE = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608),
    (5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
     5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0),
)  # fmt: skip
TAIL = (
    (7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
     3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
     0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0),
)  # fmt: skip


def quantile(graph: GraphBuilder, probabilities: str, width: int) -> str:
    """[N, width] of probabilities between 1e-10 and 1 - 1e-10 to z-scores, to about 1e-15; missing stays missing."""
    centred = graph.op("Sub", probabilities, np.float64(0.5))
    near = graph.op("Sub", np.float64(0.180625), graph.op("Mul", centred, centred))
    middle = graph.op("Mul", centred, _ratio(graph, near, MIDDLE))
    upper_half = graph.op("Greater", centred, np.float64(0))
    other = graph.op("Sub", np.float64(1), probabilities)
    least = graph.op("Where", upper_half, other, probabilities)
    far = graph.op("Sqrt", graph.op("Neg", log_matrix(graph, least, width)))
    tail = _ratio(graph, graph.op("Sub", far, np.float64(1.6)), TAIL)
    signed = graph.op("Where", upper_half, tail, graph.op("Neg", tail))
    in_middle = graph.op("LessOrEqual", graph.op("Abs", centred), np.float64(0.425))
    return graph.op("Where", in_middle, middle, signed)


def _ratio(graph: GraphBuilder, values: str, coefficients: tuple[Sequence[float], Sequence[float]]) -> str:
    return graph.op("Div", *(_polynomial(graph, values, powers) for powers in coefficients))


def _polynomial(graph: GraphBuilder, values: str, coefficients: Sequence[float]) -> str:
    """By Horner's rule."""
    total = graph.op("Mul", values, np.float64(coefficients[0]))
    for coefficient in coefficients[1:-1]:
        total = graph.op("Mul", graph.op("Add", total, np.float64(coefficient)), values)
    return graph.op("Add", total, np.float64(coefficients[-1]))
