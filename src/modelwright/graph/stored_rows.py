"""Exact distances to rows that are kept in the graph: the same bits natively, in the graph and in any batch.

Features are counted in whole steps of a grid that is fine enough to make no difference, and coarse enough for every
sum of products to stay below 2^53. So a tie is a tie wherever and in whatever order it is computed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modelwright.graph.running import WIDE_NODE

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder

    Floats = NDArray[np.float64]

REACH = 2.0  # how much further than the stored rows a new row may be before it is taken for nearer
PIECE = 512  # rows at a time, where each meets all stored rows


@dataclass(frozen=True)
class Grid:
    """Whole steps of a power of two, from `-most` to `most`."""

    step: float
    most: float

    @classmethod
    def for_rows(cls, rows: Floats) -> Grid:
        """The finest grid on which squared distances between such rows and new ones are exact."""
        greatest = REACH * (float(np.abs(rows).max(initial=0.0)) or 1.0)
        able = math.sqrt(2.0**53 / max(rows.shape[1], 1)) / 2  # F (2 able)^2 = 2^53
        step = 2.0 ** math.ceil(math.log2(greatest / able))
        return cls(step, math.ceil(greatest / step))

    def steps(self, features: Floats) -> Floats:
        """Features in whole steps."""
        bounded: Floats = np.clip(np.rint(features / self.step), -self.most, self.most)
        return bounded

    def compile(self, graph: GraphBuilder, features: str) -> str:
        whole = graph.op("Round", graph.op("Mul", features, np.float64(1 / self.step)))
        return graph.op("Clip", whole, np.float64(-self.most), np.float64(self.most))


def squared_distances(rows: Floats, stored: Floats) -> Floats:
    """[N, S], of rows in whole steps."""
    squares = (rows * rows).sum(axis=1, keepdims=True)
    distances: Floats = rows @ (-2 * stored.T) + (stored * stored).sum(axis=1) + squares
    return distances


def compile_squared_distances(graph: GraphBuilder, rows: str, stored: Floats) -> str:
    squares = graph.op("MatMul", graph.op("Mul", rows, rows), np.ones((stored.shape[1], 1)))
    products = compile_products(graph, rows, -2 * stored)
    return graph.op("Add", graph.op("Add", products, (stored * stored).sum(axis=1)), squares)


def compile_products(graph: GraphBuilder, rows: str, stored: Floats) -> str:
    """[N, S]; the name of the node tells who runs the graph to take few rows at a time."""
    return graph.op("MatMul", rows, np.ascontiguousarray(stored.T), name=f"{WIDE_NODE}{rows}")
