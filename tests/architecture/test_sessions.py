"""Every graph runs through `graph.running.Scorer`, where what would change its last bits is switched off."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np

import modelwright
from modelwright.graph.builder import NUMBER, GraphBuilder
from modelwright.graph.running import Scorer

SOURCE = Path(modelwright.__file__).parent
SCORER = "graph/running.py"
OTHER_WAYS = {"InferenceSession", "ReferenceEvaluator", "capi", "onnxruntime_pybind11_state", "IOBinding"}


def words(path: Path) -> set[str]:
    """Every name, attribute and short text in a module: a session may be made by `getattr` too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found.update(node.name.split("."))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found


def test_sessions_are_made_in_one_place_only() -> None:
    for path in sorted(SOURCE.rglob("*.py")):
        if path.relative_to(SOURCE).as_posix() == SCORER:
            assert path.read_text("utf-8").count("InferenceSession(") == 1
        else:
            assert words(path) & OTHER_WAYS == set(), path


def test_a_factor_beside_a_matrix_product_stays_exact() -> None:
    """What MatMulScaleFusion would round to float32."""
    graph = GraphBuilder()
    given = graph.op(
        "Concat", *[graph.op("Unsqueeze", graph.input(name, "number"), np.array([1])) for name in "ab"], axis=1
    )
    product = graph.op("MatMul", graph.op("Mul", given, np.float64(1.1)), np.array([[0.1], [0.7]]))
    graph.output("y", product, NUMBER, ["N", 1])
    a, b = np.array([1.3, 1e9, 3.7]), np.array([0.9, 7.0, 1e-3])
    found = Scorer(graph.build()).run({"a": a, "b": b})["y"][:, 0]
    assert np.abs(found / (a * 1.1 * 0.1 + b * 1.1 * 0.7) - 1).max() < 1e-14


def test_dividing_by_nearly_one_stays_exact() -> None:
    """What NoopElimination would take for dividing by one."""
    graph = GraphBuilder()
    quotient = graph.op("Div", graph.op("Abs", graph.input("x", "number")), np.float64(1.00000001))
    graph.output("y", graph.op("Neg", quotient), NUMBER, ["N"])
    x = np.array([1.0, 3.0, 7.5e9])
    assert Scorer(graph.build()).run({"x": x})["y"].tolist() == (-x / 1.00000001).tolist()
