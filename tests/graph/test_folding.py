"""What is the same at every call is computed once, at export."""

from __future__ import annotations

import numpy as np
import onnx

from modelwright.graph.builder import NUMBER, GraphBuilder
from modelwright.graph.folding import constant_nodes, folded
from modelwright.graph.running import Scorer


def model(large: bool = False) -> bytes:
    builder = GraphBuilder()
    x = builder.input("x", "number")
    scale = builder.op("Sqrt", builder.op("Add", np.array([2.0]), np.array([7.0])))
    if large:
        scale = builder.op("ReduceSum", builder.op("Expand", scale, np.array([1_000_000])), np.array([0]), keepdims=1)
    builder.output("prediction", builder.op("Mul", x, scale), NUMBER, ["N"])
    return builder.build()


def test_nodes_over_constants_become_constants_and_answers_stay() -> None:
    before, after = model(), folded(model())
    assert len(constant_nodes(onnx.load_from_string(before))) == 2
    found = onnx.load_from_string(after)
    assert constant_nodes(found) == []
    assert [node.op_type for node in found.graph.node] == ["Mul", "Identity"]
    assert len(found.graph.initializer) == 1
    feed = {"x": np.array([1.5, np.nan, -2.0])}
    assert Scorer(after).run(feed)["prediction"].tobytes() == Scorer(before).run(feed)["prediction"].tobytes()


def test_a_constant_that_would_be_large_stays_a_node() -> None:
    after = folded(model(large=True))
    assert len(after) < 10_000
    feed = {"x": np.array([2.0])}
    assert Scorer(after).run(feed)["prediction"].tolist() == [6e6]


def test_a_graph_with_nothing_to_fold_keeps_its_bytes_and_so_does_one_that_was_folded() -> None:
    builder = GraphBuilder()
    builder.output("prediction", builder.op("Add", builder.input("x", "number"), 1.0), NUMBER, ["N"])
    plain = builder.build()
    assert folded(plain) == plain
    assert folded(folded(model())) == folded(model())
