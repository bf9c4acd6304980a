"""Less precision makes a graph smaller, changes answers a little, and changes nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from modelwright.graph.builder import ML, NUMBER, GraphBuilder
from modelwright.graph.precision import converted
from modelwright.graph.running import Scorer
from parts.test_models import context, fit_model, graph_of, model_of, rows_for

REDUCED = ("float32", "float16", "int8")
RANDOM = np.random.default_rng(3)
WIDTH = 64
WEIGHTS = RANDOM.normal(size=(WIDTH, WIDTH)) * np.logspace(-3, 3, WIDTH)


def network() -> bytes:
    """A text and numbers through a matrix of weights."""
    builder = GraphBuilder()
    matrix = builder.matrix_input("numbers", WIDTH)
    codes = {"keys_strings": ["a"], "values_tensor": numpy_helper.from_array(np.array([0.5]))}
    code = builder.op("LabelEncoder", builder.input("sky", "text"), domain=ML, **codes)
    hidden = builder.op("Relu", builder.op("MatMul", matrix, WEIGHTS))
    score = builder.op("Squeeze", builder.op("MatMul", hidden, np.ones((WIDTH, 1))), np.array([1]))
    builder.output("prediction", builder.op("Add", score, code), NUMBER, ["N"])
    return builder.build()


FEED: dict[str, Any] = {
    "numbers": RANDOM.normal(size=(100, WIDTH)),
    "sky": np.array(["a", "b"] * 50, object),
}


def doubles(graph: onnx.GraphProto) -> list[str]:
    return [tensor.name for tensor in graph.initializer if tensor.data_type == TensorProto.DOUBLE]


@pytest.mark.parametrize(("precision", "change"), list(zip(REDUCED, (1e-6, 1e-3, 1e-2), strict=True)))
def test_answers_change_by_what_the_precision_allows(precision: Any, change: float) -> None:
    before = Scorer(network()).run(FEED)["prediction"]
    model, _ = converted(network(), precision)
    after = Scorer(model).run(FEED)["prediction"]
    assert after.dtype == np.float64
    assert 0 < np.abs(after - before).max() < change * np.abs(before).max()


@pytest.mark.parametrize("precision", REDUCED)
def test_inputs_and_outputs_keep_their_types_and_nothing_inside_is_float64(precision: Any) -> None:
    before, after = (onnx.load_from_string(model) for model in (network(), converted(network(), precision)[0]))
    assert [value.type for value in after.graph.input] == [value.type for value in before.graph.input]
    assert [value.type for value in after.graph.output] == [value.type for value in before.graph.output]
    assert doubles(after.graph) == []


@pytest.mark.parametrize("precision", REDUCED)
def test_a_row_alone_gets_what_it_gets_among_others(precision: Any) -> None:
    """Quantising what flows through the graph would break this."""
    scorer = Scorer(converted(network(), precision)[0])
    whole = scorer.run(FEED)["prediction"]
    alone = [scorer.run({name: values[row : row + 1] for name, values in FEED.items()}) for row in range(100)]
    assert np.allclose(np.concatenate([one["prediction"] for one in alone]), whole, rtol=1e-6, atol=0)


def test_the_file_shrinks_with_the_precision() -> None:
    sizes = [len(converted(network(), precision)[0]) for precision in ("float64", *REDUCED)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[3] < 0.2 * sizes[0]


def test_it_says_how_many_matrices_of_weights_it_rounded() -> None:
    assert [converted(network(), precision)[1] for precision in ("float64", *REDUCED)] == [0, 0, 1, 1]


def test_float64_is_the_model_as_it_is() -> None:
    assert converted(network(), "float64") == (network(), 0)


# Those of distances (nearest neighbours, kernels) lose rows altogether in float32, which export then refuses.
KINDS = ("ridge", "lightgbm", "hist_gradient_boosting", "random_forest", "mlp")


@pytest.mark.parametrize("kind", KINDS)
def test_graphs_of_real_models_run_in_every_precision(kind: str) -> None:
    """A tree may turn another way for a row beside a threshold; the others stay where they were."""
    learn = rows_for(kind, "regression")
    fitted = fit_model(model_of(kind), learn, rows_for(kind, "regression", seed=1), context("regression"))
    model = graph_of(fitted, "regression")
    before = Scorer(model).run({"features": learn.features})["scores"]
    for precision in REDUCED:
        after = Scorer(converted(model, precision)[0]).run({"features": learn.features})["scores"]
        assert np.median(np.abs(after - before)) < 0.02 * np.abs(before).max(), precision
