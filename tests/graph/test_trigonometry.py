"""Sines are numpy's, and a row's last bit is the same wherever it stands; arc sines are exact where they are used."""

from __future__ import annotations

import numpy as np
import pytest

from modelwright.graph.builder import NUMBER, GraphBuilder
from modelwright.graph.running import Scorer
from modelwright.graph.trigonometry import arc_sine, cosine, sine


def scorer(function):
    graph = GraphBuilder()
    graph.output("found", function(graph, graph.input("x", "number")), NUMBER, ["N"])
    return Scorer(graph.build())


@pytest.mark.parametrize(
    ("function", "twin", "reach"), [(sine, np.sin, 7.0), (cosine, np.cos, 7.0), (arc_sine, np.arcsin, 0.5)]
)
def test_agrees_with_numpy_at_every_batch_size(function, twin, reach):
    values = np.random.default_rng(5).uniform(-reach, reach, 1003)
    asked = scorer(function)
    whole = asked.run({"x": values})["found"]
    np.testing.assert_allclose(whole, twin(values), rtol=0, atol=1e-15)
    for size in (1, 7, 64):
        parts = [asked.run({"x": values[start : start + size]})["found"] for start in range(0, len(values), size)]
        np.testing.assert_array_equal(np.concatenate(parts).view(np.int64), whole.view(np.int64))
    assert asked.run({"x": values[:0]})["found"].shape == (0,)


def test_a_factor_beside_a_matrix_product_keeps_its_digits():
    """ONNX Runtime's optimizer would move it into the product, as a float32."""
    graph = GraphBuilder()
    scaled = graph.op("Div", graph.matrix_input("x", 1), np.array([1.405465108108164]))
    graph.output("found", graph.op("MatMul", scaled, np.array([[0.7]])), NUMBER, ["N", 1])
    found = Scorer(graph.build()).run({"x": np.array([[1.0]])})["found"]
    assert abs(found[0, 0] - 0.7 / 1.405465108108164) < 1e-15
