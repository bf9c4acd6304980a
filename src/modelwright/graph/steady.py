"""Exponentials and logarithms whose last bit does not depend on how many rows are scored together.

ONNX Runtime computes them in packets of up to 8 numbers and the rest one by one, by another formula that differs in
the last bit; so which formula a row gets depends on its place in the batch. Padding every row to whole packets takes
that away. For the same reason sums over columns are written as MatMul (measured bit-equal over batch sizes), never as
ReduceSum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder

PACKET = 8


def exp(graph: GraphBuilder, tensor: str) -> str:
    """e to the power of a column [N]."""
    return _column(graph, "Exp", tensor)


def log(graph: GraphBuilder, tensor: str) -> str:
    """Natural logarithm of a column [N]."""
    return _column(graph, "Log", tensor)


def sigmoid(graph: GraphBuilder, tensor: str) -> str:
    """1 / (1 + exp(-x)) of a column [N]."""
    return _column(graph, "Sigmoid", tensor)


def exp_matrix(graph: GraphBuilder, matrix: str, width: int) -> str:
    """e to the power of each number of [N, width]."""
    return _rows(graph, "Exp", matrix, width)


def log_matrix(graph: GraphBuilder, matrix: str, width: int) -> str:
    """Natural logarithm of each number of [N, width]."""
    return _rows(graph, "Log", matrix, width)


def cosine_matrix(graph: GraphBuilder, matrix: str, width: int) -> str:
    """Of each number of [N, width]."""
    return _rows(graph, "Cos", matrix, width)


def sine_matrix(graph: GraphBuilder, matrix: str, width: int) -> str:
    """Of each number of [N, width]."""
    return _rows(graph, "Sin", matrix, width)


def softmax(graph: GraphBuilder, scores: str, classes: int) -> str:
    """Rows of [N, K] to probabilities."""
    highest = graph.op("ReduceMax", scores, np.array([1]))
    powers = _rows(graph, "Exp", graph.op("Sub", scores, highest), classes)
    return graph.op("Div", powers, graph.op("MatMul", powers, np.ones((classes, 1))))


def _column(graph: GraphBuilder, op_type: str, tensor: str) -> str:
    wide = graph.op("Pad", graph.op("Unsqueeze", tensor, np.array([1])), np.array([0, 0, 0, PACKET - 1]))
    return graph.op("Gather", graph.op(op_type, wide), np.int64(0), axis=1)


def _rows(graph: GraphBuilder, op_type: str, tensor: str, width: int) -> str:
    missing = -width % PACKET
    wide = graph.op("Pad", tensor, np.array([0, 0, 0, missing])) if missing else tensor
    done = graph.op(op_type, wide)
    return graph.op("Slice", done, np.array([0]), np.array([width]), np.array([1])) if missing else done


def both_classes(graph: GraphBuilder, positive: str) -> str:
    """[N] probabilities of the second of two classes to [N, 2]."""
    second = graph.op("Unsqueeze", positive, np.array([1]))
    return graph.op("Concat", graph.op("Sub", np.array([1.0]), second), second, axis=1)
