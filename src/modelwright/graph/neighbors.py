"""Missing values filled from the nearest of some rows that are kept in the graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modelwright.graph.builder import INTEGER, NUMBER

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder

FAR = 1e300  # the squared distance to a donor that has no column in common
SAME = 1e-14  # of the sum of squares: a squared distance below this is rounding


@dataclass(frozen=True)
class Donors:
    """`donors` [R, d] with NaN; `means` [d] are filled in where a row has nothing in common with any donor."""

    graph: GraphBuilder
    donors: NDArray[np.float64]
    means: NDArray[np.float64]
    neighbors: int
    by_distance: bool

    def fill(self, matrix: str) -> str:
        """[N, d] without missing values. Only rows that have some are compared with donors."""
        op = self.graph.op
        flags = self.graph.cast(op("IsNaN", matrix), INTEGER)
        lacking = self._where(op("ReduceMax", flags, np.array([1]), keepdims=0))
        rows = op("Gather", matrix, lacking)
        distances = self._distances(rows)
        columns = []
        for at in range(self.donors.shape[1]):
            column = op("Gather", rows, np.int64(at), axis=1)
            wanted = self._where(self.graph.cast(op("IsNaN", column), INTEGER))
            values = self._values(op("Gather", distances, wanted), at)
            columns.append(op("ScatterElements", column, wanted, values))
        joined = op("Reshape", op("Concat", *columns, axis=0), np.array([len(columns), -1]))
        filled = op("Transpose", joined, perm=[1, 0])
        return op("ScatterND", matrix, op("Unsqueeze", lacking, np.array([1])), filled)

    def _where(self, flags: str) -> str:
        """[M]: the places of [N] that are not 0."""
        return self.graph.op("Squeeze", self.graph.op("NonZero", flags), np.array([0]))

    def _distances(self, rows: str) -> str:
        """[M, R] squared distances over the columns that both have, times d / how many those are; FAR where none."""
        op = self.graph.op
        centre = self.means  # differences are the same, and less is lost to rounding
        there = ~np.isnan(self.donors)
        donors = np.where(there, self.donors - centre, 0.0)
        present = self.graph.cast(op("Not", op("IsNaN", rows)), NUMBER)
        values = op("Where", op("IsNaN", rows), np.float64(0), op("Sub", rows, centre))
        shared = op("MatMul", present, there.T.astype(np.float64))
        squares = op("Add", op("MatMul", op("Mul", values, values), there.T.astype(np.float64)),
                     op("MatMul", present, (donors**2).T.copy()))  # fmt: skip
        products = op("MatMul", values, 2 * donors.T)
        squared = op("Sub", squares, products)
        same = op("LessOrEqual", squared, op("Mul", squares, np.float64(SAME)))
        squared = op("Where", same, np.float64(0), squared)
        none = op("Equal", shared, np.float64(0))
        whole = op("Div", np.float64(self.donors.shape[1]), op("Where", none, np.float64(1), shared))
        return op("Where", none, np.float64(FAR), op("Mul", squared, whole))

    def _values(self, distances: str, column: int) -> str:
        """[M] values of one column, from [M, R]."""
        op = self.graph.op
        able = np.flatnonzero(~np.isnan(self.donors[:, column]))
        if not len(able):
            zero = op("Mul", op("Gather", distances, np.int64(0), axis=1), np.float64(0))
            return op("Add", zero, self.means[column])
        count = min(self.neighbors, len(able))
        near, places = self.graph.ops(
            "TopK", op("Gather", distances, able, axis=1), np.array([count]), axis=1, largest=0, sorted=1, outputs=2
        )
        donated = op("Gather", self.donors[able, column], places)
        weights = self._weights(near)
        ones = np.ones((count, 1))
        total = op("MatMul", weights, ones)
        none = op("Equal", total, np.float64(0))
        mean = op("Div", op("MatMul", op("Mul", weights, donated), ones), op("Where", none, np.float64(1), total))
        return op("Squeeze", op("Where", none, self.means[column], mean), np.array([1]))

    def _weights(self, near: str) -> str:
        op = self.graph.op
        comparable = op("Less", near, np.float64(FAR / 10))
        if not self.by_distance:
            return self.graph.cast(comparable, NUMBER)
        same = op("Equal", near, np.float64(0))
        inverse = op("Div", np.float64(1), op("Sqrt", op("Where", same, np.float64(1), near)))
        inverse = op("Where", comparable, inverse, np.float64(0))
        # A donor that is the same row outweighs all others.
        any_same = op("ReduceMax", self.graph.cast(same, NUMBER), np.array([1]))
        return op("Where", op("Greater", any_same, np.float64(0)), self.graph.cast(same, NUMBER), inverse)
