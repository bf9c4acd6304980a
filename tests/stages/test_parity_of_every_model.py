"""Every model's `parity.json`: the whole graph, columns in and answers out, beside the model as its library has it."""

from __future__ import annotations

import pytest

from modelwright.parts import catalog
from stages.test_train import TASKS, prepared, run

SETTINGS = dict.fromkeys(("lightgbm", "hist_gradient_boosting", "xgboost", "catboost"), "iterations: 25")
SETTINGS |= {"random_forest": "trees: 15", "extra_trees": "trees: 15", "gaussian_process": "max_rows: 150"}
FLOAT32 = ("mlp", "tabm")  # computed in float32
NOT_FITTED = ("auto", "onnx")
ABOVE_0 = ("multinomial_naive_bayes", "generalized_linear")  # take nothing below 0; see tests/parts/test_models.py
CASES = [
    (kind, task)
    for kind in catalog.builtin_kinds("models")
    for task in TASKS
    if task in catalog.load("models", kind).tasks and kind not in (*NOT_FITTED, *ABOVE_0, *FLOAT32)
]


@pytest.mark.parametrize(("kind", "task"), CASES)
def test_rows_as_they_are_and_with_missing_values_and_unseen_categories(kind, task, tmp_path):
    if kind in ("xgboost", "catboost"):
        pytest.importorskip(kind, reason=f"the extra {kind} is not installed", exc_type=ImportError)
    unweighted = kind == "gaussian_process" and task != "regression"
    if unweighted:
        pytest.skip("a Gaussian process of classes takes no weights, and refuses them")
    settings = f", {SETTINGS[kind]}" if kind in SETTINGS else ""
    done = run(prepared(tmp_path, task, f"{{model: {{kind: {kind}{settings}}}}}"))
    found = done.read_json("parity.json")
    assert found["rows"] == 400, "200 of validation, and the same rows made worse"
    assert "missing values and unseen categories" in found["of_which"]
    assert found["graph_to_native"] <= 1e-9
    assert set(found["batch_sizes"]) == {"1", "7", "64"}
    assert all(value == 0.0 for size in found["batch_sizes"].values() for value in size.values())
