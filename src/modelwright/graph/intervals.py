"""Finds the interval that a number falls into, for many columns at once: one TreeEnsemble node is the binary search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modelwright.graph.builder import INTEGER
from modelwright.graph.trees import Tree, ensemble

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder


def intervals(graph: GraphBuilder, matrix: str, edges: Sequence[NDArray[np.float64]], starts: Sequence[int]) -> str:
    """[N, F] int64: `starts[f]` plus how many of the ascending `edges[f]` are <= the value in column f.

    What it says of a missing value means nothing.
    """
    trees = [
        _search(column, ascending, start) for column, (ascending, start) in enumerate(zip(edges, starts, strict=True))
    ]
    return graph.cast(ensemble(graph, matrix, trees, range(len(trees)), len(trees)), INTEGER)


def _search(column: int, edges: NDArray[np.float64], start: int) -> Tree:
    splits: list[tuple[int, int, int]] = []  # edge, child where the value is below it, child where it is not

    def grow(first: int, last: int) -> int:
        """The subtree that finds one of the intervals first..last."""
        if first == last:
            return -1 - first
        at = len(splits)
        middle = (first + last) // 2
        splits.append((middle, 0, 0))
        splits[at] = (middle, grow(first, middle), grow(middle + 1, last))
        return at

    grow(0, len(edges))
    order = np.array(splits, np.int64).reshape(-1, 3)
    return Tree(
        feature=np.full(len(order), column),
        threshold=np.nextafter(edges[order[:, 0]], -np.inf),  # x <= the number before the edge is x < edge
        true_child=order[:, 1],
        false_child=order[:, 2],
        missing_true=np.zeros(len(order), bool),
        members=[None] * len(order),
        leaves=np.arange(start, start + len(edges) + 1, dtype=np.float64),
    )
