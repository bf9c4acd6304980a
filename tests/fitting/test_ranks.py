"""Task ordinal: Frank and Hall's method with any model of two classes, in the graph as natively, and of use."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from modelwright.core.columns import Column, Schema
from modelwright.core.errors import DataError
from modelwright.fitting.fit import fit_model
from modelwright.graph import parity
from modelwright.graph.builder import NUMBER, GraphBuilder
from modelwright.graph.running import Scorer
from modelwright.parts import catalog
from modelwright.parts.base import Model
from modelwright.parts.samples import Feature, FitContext, Samples
from modelwright.parts.tasks.ordinal import medians

CLASSES = 5
FEATURES = (Feature("x"), Feature("z"), Feature("kind", 4))
FAST = {kind: {"iterations": 30} for kind in ("lightgbm", "hist_gradient_boosting", "xgboost", "catboost")}
FAST |= {kind: {"trees": 15} for kind in ("random_forest", "extra_trees")} | {"gaussian_process": {"max_rows": 150}}
ABLE = [
    kind
    for kind in catalog.builtin_kinds("models")
    if "binary" in catalog.load("models", kind).tasks and kind not in ("auto", "multinomial_naive_bayes", "onnx")
]


def rows(seed=0, count=700):
    random = np.random.default_rng(seed)
    features = random.normal(size=(count, 3))
    features[:, 2] = random.integers(0, 4, count)
    value = features[:, 0] + (features[:, 2] == 1) + 0.5 * random.normal(size=count)
    features[random.random(count) < 0.08, 1] = np.nan
    return Samples(features, np.digitize(value, [-1, 0, 0.8, 2]).astype(float))


def context(classes=CLASSES):
    return FitContext("ordinal", classes, FEATURES, "quadratic_kappa", 1, 1)


def model_of(kind, **keys):
    if kind in ("xgboost", "catboost"):
        pytest.importorskip(kind, reason=f"the extra {kind} is not installed", exc_type=ImportError)
    part = catalog.load("models", kind)
    assert issubclass(part, Model)
    return part.model_validate({"kind": kind, **FAST.get(kind, {}), **keys})


def graph_of(fitted, classes=CLASSES):
    graph = GraphBuilder()
    scores = fitted.compile(graph, graph.matrix_input("features", len(FEATURES)))
    graph.output("scores", scores, NUMBER, ["N", classes])
    return Scorer(graph.build())


@pytest.mark.parametrize("kind", ABLE)
def test_any_model_of_two_classes_does_it_and_its_graph_agrees_at_every_batch_size(kind):
    fitted = fit_model(model_of(kind), rows(), rows(1, 200), context())
    features = rows(2, 200).features
    features[::5, 2], features[::7, 0] = 99, np.nan
    native, scorer = fitted.predict(features), graph_of(fitted)
    shown = scorer.run({"features": features})["scores"]
    assert native.min() >= 0
    np.testing.assert_allclose(native.sum(axis=1), 1)
    assert parity.difference(native, shown) <= 1e-9
    sizes = parity.over_batch_sizes(scorer, {"features": features}, (1, 7, 64))
    assert {size["scores"] for size in sizes.values()} == {0.0}


def test_it_makes_use_of_the_order():
    """Told a wrong order, a linear model does not see that middle classes lie between the others."""
    learn, other = rows(count=2000), rows(3, 2000)
    told = fit_model(model_of("logistic"), learn, None, context()).predict(other.features)
    wrong = np.array([2.0, 0.0, 4.0, 1.0, 3.0])
    shuffled = Samples(learn.features, wrong[learn.target.astype(int)])
    misled = fit_model(model_of("logistic"), shuffled, None, context()).predict(other.features)
    truths = (other.target, wrong[other.target.astype(int)])
    losses = [
        -np.log(np.clip(said[np.arange(2000), truth.astype(int)], 1e-9, 1)).mean()
        for said, truth in zip((told, misled), truths, strict=True)
    ]
    assert losses[0] < 0.8 * losses[1]
    assert cohen_kappa_score(other.target, medians(told), weights="quadratic") > 0.7


def test_a_class_that_learn_lacks_gets_no_probability_wherever_it_stands():
    learn = rows()
    for missing in (0, 2, 4):
        kept = learn.target != missing
        some = Samples(learn.features[kept], learn.target[kept])
        fitted = fit_model(model_of("logistic"), some, None, context())
        found = fitted.predict(rows(1).features)
        assert found[:, missing].max() < (1e-12 if missing in (0, 4) else 0.05)
        np.testing.assert_allclose(graph_of(fitted).run({"features": rows(1).features})["scores"], found, atol=1e-12)


def test_the_label_is_the_median_in_numpy_and_in_the_graph():
    probabilities = np.random.default_rng(0).dirichlet(np.full(4, 0.7), 500)
    probabilities[0] = [0.5, 0.0, 0.0, 0.5]
    task = catalog.load("tasks", "ordinal").model_validate({"kind": "ordinal", "target": "y"})
    schema = Schema((Column("y", "integer", role="target"),), (1, 2, 3, 4))
    graph = GraphBuilder()
    task.compile(graph, graph.matrix_input("raw", 4), schema)
    shown = Scorer(graph.build()).run({"raw": probabilities})["prediction"]
    expected = [schema.classes[int(at)] for at in medians(probabilities)]
    assert shown.tolist() == expected
    distance = np.abs(np.arange(4)[:, None] - np.arange(4))
    costs = probabilities @ distance
    assert (costs[np.arange(500), medians(probabilities).astype(int)] <= costs.min(axis=1) + 1e-12).all()


def test_kappa_and_rank_error_are_those_of_scikit_learn():
    random = np.random.default_rng(0)
    truth, predicted, weights = random.integers(0, 5, 300), random.integers(0, 5, 300), random.random(300)
    predicted = np.where(random.random(300) < 0.6, truth, predicted)
    kappa, error = (catalog.load("metrics", kind)() for kind in ("quadratic_kappa", "rank_mae"))
    twin = cohen_kappa_score(truth, predicted, weights="quadratic", sample_weight=weights)
    assert kappa.score(truth, predicted, weights[None, :])[0] == pytest.approx(twin)
    off = np.average(np.abs(truth - predicted), weights=weights)
    assert error.score(truth, predicted, weights[None, :])[0] == pytest.approx(off)


@pytest.mark.parametrize(
    ("order", "classes", "expected"),
    [
        (None, (1, 2, 10), (1, 2, 10)),
        (["low", "middle", "high"], ("high", "low", "middle"), ("low", "middle", "high")),
        (["none", "low", "high"], ("high", "low"), ("low", "high")),
        ([3, 2, 1], (1, 2, 3), (3, 2, 1)),
    ],
)
def test_classes_are_put_in_the_declared_order(order, classes, expected):
    part = catalog.load("tasks", "ordinal").model_validate({"kind": "ordinal", "target": "y", "order": order})
    assert part.ordered(classes) == expected


@pytest.mark.parametrize(
    ("order", "classes", "message"),
    [
        (None, ("high", "low"), "words have no order"),
        (["low", "hihg"], ("high", "low"), "'high' has no place in task.order; did you mean \"hihg\""),
    ],
)
def test_an_order_that_is_missing_or_lacks_a_class_is_refused(order, classes, message):
    part = catalog.load("tasks", "ordinal").model_validate({"kind": "ordinal", "target": "y", "order": order})
    with pytest.raises(DataError, match=message):
        part.ordered(classes)
