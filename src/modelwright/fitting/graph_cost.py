"""What a graph costs, by counting instead of a clock, so that choices by size and speed are the same every time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import onnx

NODE_NS, LEVEL_NS, NUMBER_NS = 1000.0, 12.0, 0.5  # of one row, on an ordinary core: an operator, a split, a constant


@dataclass(frozen=True)
class GraphCost:
    """Bytes of the file, and about how long one row takes."""

    bytes: int
    row_us: float


def graph_cost(model: bytes) -> GraphCost:
    graph = onnx.load_from_string(model).graph
    looked_up = {node.input[0] for node in graph.node if node.op_type == "Gather"}  # a row takes one entry of a table
    computed = [constant for constant in graph.initializer if constant.name not in looked_up]
    nanoseconds = sum(NUMBER_NS * math.prod(constant.dims) for constant in computed)
    for node in graph.node:
        nanoseconds += NODE_NS
        if node.op_type == "TreeEnsemble":
            given = {attribute.name: attribute for attribute in node.attribute}
            nanoseconds += LEVEL_NS * _levels(given["tree_roots"].ints, len(given["nodes_featureids"].ints))
    return GraphCost(len(model), nanoseconds / 1000)


def _levels(roots: Sequence[int], splits: int) -> float:
    """Splits on the way of one row through all trees, were they balanced."""
    return len(roots) * math.log2(1 + splits / max(len(roots), 1))
