"""Squared distances to some fixed points, and which is the nearest, natively and as nodes.

Differences are squared and summed, never `x² - 2xc + c²`, which leaves nothing but rounding near a centre.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modelwright.graph.running import WIDE_NODE

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder

    Floats = NDArray[np.float64]

CELLS = 8192  # of centres at a time: each row is that wide meanwhile
SAME = 1e-12  # a relative difference that rounding alone may make


def squared_distances(rows: Floats, centres: Floats) -> Floats:
    """[N, K]"""
    found = np.empty((len(rows), len(centres)))
    for at, centre in enumerate(centres):
        found[:, at] = ((rows - centre) ** 2).sum(axis=1)
    return found


def compile_squared_distances(graph: GraphBuilder, rows: str, centres: Floats) -> str:
    ones, middle = np.ones((centres.shape[1], 1)), np.array([1])
    apart = graph.op("Unsqueeze", rows, middle)
    found = []
    for group in _groups(centres):
        differences = graph.op("Sub", apart, np.ascontiguousarray(group), name=f"{WIDE_NODE}{rows}")
        sums = graph.op("MatMul", graph.op("Mul", differences, differences), ones)
        found.append(graph.op("Squeeze", sums, np.array([2])))
    return found[0] if len(found) == 1 else graph.op("Concat", *found, axis=1)


def nearest(distances: Floats) -> NDArray[np.int64]:
    """[N] the place of the least of each row; of those that only rounding tells apart, the first."""
    least = distances.min(axis=1, keepdims=True)
    found: NDArray[np.int64] = np.argmax(distances <= least + SAME * np.abs(least), axis=1)
    return found


def compile_nearest(graph: GraphBuilder, distances: str) -> str:
    """[N, 1] as a float."""
    from modelwright.graph.builder import INTEGER, NUMBER

    least = graph.op("ReduceMin", distances, np.array([1]))
    limit = graph.op("Add", least, graph.op("Mul", graph.op("Abs", least), np.float64(SAME)))
    among = graph.cast(graph.op("LessOrEqual", distances, limit), INTEGER)
    return graph.cast(graph.op("ArgMax", among, axis=1, keepdims=1), NUMBER)


def _groups(centres: Floats) -> Iterator[Floats]:
    size = max(CELLS // centres.shape[1], 1)
    for start in range(0, len(centres), size):
        yield centres[start : start + size]
