"""Sines, cosines and arc sines whose last bit does not depend on how many rows are scored together.

ONNX Runtime computes sines in packets of up to 8 numbers and the rest one by one (see `graph.steady`): with 7 more
numbers at the end, what is left over is never one of ours. It has no arc sine in float64 at all.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder

SPARE = 7
# arc sine(x) = x + x³ P(x²) / Q(x²) up to x = 1/2: fdlibm, e_asin.c, Sun Microsystems 1993; lowest power first
P = (
    1.66666666666666657415e-01,
    -3.25565818622400915405e-01,
    2.01212532134862925881e-01,
    -4.00555345006794114027e-02,
    7.91534994289814532176e-04,
    3.47933107596021167570e-05,
)
Q = (
    1.0,
    -2.40339491173441421878e00,
    2.02094576023350569471e00,
    -6.88283971605453293030e-01,
    7.70381505559019352791e-02,
)


def sine(graph: GraphBuilder, radians: str) -> str:
    """Of [N]; exact to a few 1e-16 within some turns of 0."""
    return _padded(graph, "Sin", radians)


def cosine(graph: GraphBuilder, radians: str) -> str:
    """Of [N]; exact to a few 1e-16 within some turns of 0."""
    return _padded(graph, "Cos", radians)


def arc_sine(graph: GraphBuilder, sines: str) -> str:
    """In radians, of numbers of any shape between -1/2 and 1/2, to one unit in the last place."""
    square = graph.op("Mul", sines, sines)
    ratio = graph.op("Div", _polynomial(graph, square, P), _polynomial(graph, square, Q))
    return graph.op("Add", sines, graph.op("Mul", sines, graph.op("Mul", square, ratio)))


def _padded(graph: GraphBuilder, op_type: str, flat: str) -> str:
    longer = graph.op(op_type, graph.op("Pad", flat, np.array([0, SPARE])))
    return graph.op("Slice", longer, np.array([0]), np.array([-SPARE]), np.array([0]))


def _polynomial(graph: GraphBuilder, tensor: str, coefficients: tuple[float, ...]) -> str:
    """By Horner's rule."""
    highest, *others = reversed(coefficients)

    def step(value: str, coefficient: float) -> str:
        return graph.op("Add", graph.op("Mul", value, tensor), np.float64(coefficient))

    return reduce(step, others, graph.constant(np.float64(highest)))


def central_angle(graph: GraphBuilder, first: tuple[str, str], other: tuple[str, str]) -> str:
    """[N] radians between two places, each a latitude and a longitude [N] in degrees; NaN beyond the poles.

    The haversine h of the angle and its complement 1 - h are sums of squares each, so neither loses digits where it is
    small: for neighbours as for the opposite ends of the earth.
    """
    op = graph.op
    latitudes = [
        op("Where", op("LessOrEqual", op("Abs", place[0]), np.array([90.0])), place[0], np.array([np.nan]))
        for place in (first, other)
    ]
    east = op("Sub", other[1], first[1])
    turns = op("Round", op("Div", east, np.array([360.0])))
    east = op("Sub", east, op("Mul", turns, np.array([360.0])))  # the shorter way round
    doubled = [
        op("Sub", latitudes[1], latitudes[0]),
        op("Add", latitudes[1], latitudes[0]),
        east,
        op("Sub", np.array([180.0]), op("Abs", east)),
        *(op("Sub", np.array([180.0]), op("Mul", op("Abs", latitude), np.array([2.0]))) for latitude in latitudes),
    ]
    halves = op("Mul", op("Concat", *doubled, axis=0), np.array([np.pi / 360]))
    sines = sine(graph, halves)
    rows = op("Reshape", sines, np.array([len(doubled), -1]))
    north, middle, away, back, *cosines = (op("Gather", rows, np.int64(at), axis=0) for at in range(len(doubled)))
    shrunk = op("Mul", *cosines)

    def haversine(along: str, across: str) -> str:
        return op("Add", op("Mul", along, along), op("Mul", shrunk, op("Mul", across, across)))

    near, far = haversine(north, away), haversine(middle, back)
    is_near = op("LessOrEqual", near, far)
    least, most = op("Where", is_near, near, far), op("Where", is_near, far, near)
    # Half the angle again: sin(x / 2) = sin x / sqrt(2 (1 + cos x)) is below 0.39, where the arc sine is exact.
    cosine_plus = op("Add", op("Sqrt", most), np.array([1.0]))
    quarter = op("Div", op("Sqrt", least), op("Sqrt", op("Mul", cosine_plus, np.array([2.0]))))
    angle = op("Mul", arc_sine(graph, quarter), np.array([4.0]))
    return op("Where", is_near, angle, op("Sub", np.array([np.pi]), angle))
