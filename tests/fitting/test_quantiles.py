"""Task quantile: never crossing, in the graph as natively, and each quantile of about the share that it names."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import QuantileRegressor
from sklearn.metrics import mean_pinball_loss

from modelwright.core.errors import SpecError
from modelwright.fitting.fit import fit_model
from modelwright.graph import parity
from modelwright.graph.builder import NUMBER, GraphBuilder
from modelwright.graph.running import Scorer
from modelwright.parts import catalog
from modelwright.parts.base import Model
from modelwright.parts.predictions import Predictions
from modelwright.parts.samples import Feature, FitContext, Samples

LEVELS = (0.1, 0.25, 0.5, 0.9)
FEATURES = (Feature("x"), Feature("z"), Feature("kind", 5))
FAST = {kind: {"iterations": 60} for kind in ("lightgbm", "hist_gradient_boosting", "xgboost", "catboost")}
ABLE = [
    kind for kind in catalog.builtin_kinds("models") if kind != "auto" and catalog.load("models", kind).can("quantile")
]


def rows(seed=0, count=900):
    """What is right of a line spreads more than what is left of it; some values are missing."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(count, 3))
    features[:, 2] = random.integers(0, 5, count)
    target = 3 * features[:, 0] + 2 * (features[:, 2] == 1) + (1 + (features[:, 0] > 0)) * random.normal(size=count)
    features[random.random(count) < 0.08, 1] = np.nan
    return Samples(features, target)


def context(levels=LEVELS):
    return FitContext("quantile", 0, FEATURES, "pinball", 1, 1, levels)


def model_of(kind, **keys):
    if kind in ("xgboost", "catboost"):
        pytest.importorskip(kind, reason=f"the extra {kind} is not installed", exc_type=ImportError)
    part = catalog.load("models", kind)
    assert issubclass(part, Model)
    return part.model_validate({"kind": kind, **FAST.get(kind, {}), **keys})


def graph_of(fitted, count=4):
    graph = GraphBuilder()
    scores = fitted.compile(graph, graph.matrix_input("features", len(FEATURES)))
    graph.output("scores", scores, NUMBER, ["N", count])
    return Scorer(graph.build())


def test_the_boosters_and_a_linear_model_can_do_it():
    assert {"lightgbm", "hist_gradient_boosting", "xgboost", "catboost", "linear_quantile"} <= set(ABLE)
    assert "ridge" not in ABLE and "logistic" not in ABLE


@pytest.mark.parametrize("kind", ABLE)
def test_quantiles_never_cross_and_graph_and_models_agree_at_every_batch_size(kind):
    fitted = fit_model(model_of(kind), rows(), rows(1), context())
    features = rows(2).features
    features[::5, 2], features[::7, 0], features[::11, 1] = 99, np.nan, -1e12
    native = fitted.predict(features)
    assert native.shape == (900, 4)
    assert (np.diff(native, axis=1) >= 0).all()
    scorer = graph_of(fitted)
    shown = scorer.run({"features": features})["scores"]
    assert parity.difference(native, shown) <= 1e-9 * (1 + np.abs(native).max())
    sizes = parity.over_batch_sizes(scorer, {"features": features}, (1, 7, 64))
    assert {size["scores"] for size in sizes.values()} == {0.0}


@pytest.mark.parametrize("kind", ABLE)
def test_about_the_share_that_a_quantile_names_stays_below_it_on_other_rows(kind):
    fitted = fit_model(model_of(kind), rows(count=3000), rows(1, 1000), context())
    other = rows(2, 3000)
    below = (other.target[:, None] <= fitted.predict(other.features)).mean(axis=0)
    np.testing.assert_allclose(below, LEVELS, atol=0.06)


def test_crossing_models_are_sorted():
    """Two models of one quantile each, told to be of the wrong ones, cross everywhere."""
    fitted = fit_model(model_of("lightgbm"), rows(), None, context((0.2, 0.8)))
    inner = fitted
    crossed = type(inner)(inner.members[::-1], inner.levels)
    np.testing.assert_array_equal(crossed.predict(rows(3).features), inner.predict(rows(3).features))
    shown = graph_of(crossed, 2).run({"features": rows(3).features})["scores"]
    assert (np.diff(shown, axis=1) >= 0).all() and np.diff(shown, axis=1).max() > 0


def test_a_single_quantile_is_one_model():
    fitted = fit_model(model_of("lightgbm"), rows(), None, context((0.9,)))
    shown = graph_of(fitted, 1).run({"features": rows(1).features})["scores"]
    assert shown.shape == (900, 1) and (rows(1).target <= shown[:, 0]).mean() == pytest.approx(0.9, abs=0.06)


def test_models_that_stop_early_have_one_iteration_count_that_serves_all_quantiles():
    model = model_of("lightgbm", iterations=400, early_stopping_rounds=20)
    fitted = fit_model(model, rows(), rows(1), context())
    losses = [step["validation"] for step in fitted.curve]
    assert fitted.notes["iterations"] == int(np.argmin(losses)) + 1
    assert {member.iterations for member in fitted.members} == {fitted.notes["iterations"]}


@pytest.mark.parametrize(
    ("keys", "message"), [({"objective": "huber"}, "not huber"), ({"quantile": 0.3}, "task.quantiles says")]
)
def test_what_contradicts_the_task_is_refused(keys, message):
    with pytest.raises(SpecError, match=message):
        fit_model(model_of("lightgbm", **keys), rows(), None, context())


def test_linear_quantile_is_that_of_scikit_learn_also_with_weights():
    random = np.random.default_rng(0)
    features, weights = random.normal(size=(300, 3)), random.random(300)
    target = features @ [1.0, -2.0, 0.5] + random.normal(size=300)
    names = tuple(Feature(name) for name in "abc")
    given = FitContext("regression", 0, names, "mae", 1, 1)
    fitted = model_of("linear_quantile", quantile=0.7, alpha=0).fit(Samples(features, target, weights), None, given)
    twin = QuantileRegressor(quantile=0.7, alpha=0, solver="highs").fit(features, target, sample_weight=weights)
    np.testing.assert_allclose(fitted.predict(features), twin.predict(features), atol=1e-6)


def metric(kind, **keys):
    task = catalog.load("tasks", "quantile").model_validate({"kind": "quantile", "target": "y", "quantiles": LEVELS})
    part = catalog.load("metrics", kind)
    return part.model_validate({"kind": kind, **keys}).asked_of(task)


def said(count=400):
    random = np.random.default_rng(0)
    quantiles = np.sort(random.normal(size=(count, 4)), axis=1)
    return Predictions(random.normal(size=count), quantile=quantiles, levels=LEVELS, weights=random.random(count))


def test_pinball_is_that_of_scikit_learn_averaged_over_the_quantiles():
    one = said()
    each = [
        mean_pinball_loss(one.truth, one.quantile[:, at], alpha=level, sample_weight=one.weights)
        for at, level in enumerate(LEVELS)
    ]
    whole, single = metric("pinball"), metric("pinball", quantiles=[0.9])
    weights = one.weights[None, :]
    assert whole.score(one.truth, one.needed_by(whole), weights)[0] == pytest.approx(np.mean(each))
    assert single.score(one.truth, one.needed_by(single), weights)[0] == pytest.approx(each[3])


def test_coverage_error_counts_rows_by_their_weights():
    one = said()
    part = metric("coverage_error", quantiles=[0.25])
    share = np.average(one.truth <= one.quantile[:, 1], weights=one.weights)
    assert part.score(one.truth, one.needed_by(part), one.weights[None, :])[0] == pytest.approx(abs(share - 0.25))


def test_coverage_is_the_share_of_rows_between_the_outer_quantiles():
    one = said()
    weights = one.weights[None, :]
    whole, single = metric("coverage"), metric("coverage", quantiles=[0.25])
    between = (one.quantile[:, 0] < one.truth) & (one.truth <= one.quantile[:, -1])
    below = one.truth <= one.quantile[:, 1]
    for kind, inside in ((whole, between), (single, below)):
        share = np.average(inside, weights=one.weights)
        assert kind.score(one.truth, one.needed_by(kind), weights)[0] == pytest.approx(share)


def test_a_quantile_that_is_not_predicted_can_not_be_measured():
    with pytest.raises(SpecError, match=r"0\.3 is not predicted"):
        metric("pinball", quantiles=[0.3])
