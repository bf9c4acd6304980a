"""Random Fourier features: smooth where trees are not, blind to noise, honest about classes, without stored rows."""

from __future__ import annotations

import numpy as np
import pytest

from modelwright.fitting.fit import fit_model
from modelwright.graph.builder import NUMBER, GraphBuilder
from modelwright.parts import catalog
from modelwright.parts.estimators import fourier
from modelwright.parts.samples import Feature, FitContext, Samples

FEATURES = tuple(Feature(name) for name in ("x", "z", "noise"))


def rows(count=1200, seed=0):
    random = np.random.default_rng(seed)
    features = random.uniform(-2, 2, (count, 3))
    return features, np.sin(2 * features[:, 0] * features[:, 1]), random


def fitted(samples, classes=0, kind="random_fourier", **settings):
    task = {0: "regression", 2: "binary"}.get(classes, "multiclass")
    model = catalog.load("models", kind).model_validate({"kind": kind, **settings})
    metric = "log_loss" if classes else "rmse"
    return fit_model(model, samples, None, FitContext(task, classes, FEATURES, metric, 1, 1))


def test_a_smooth_interaction_is_learnt_better_than_by_trees_and_noise_is_seen_through():
    features, truth, random = rows()
    samples = Samples(features, truth + 0.1 * random.normal(size=len(truth)))
    new, wanted, _ = rows(seed=1)
    found = fitted(samples, frequencies=128)
    trees = fitted(samples, kind="lightgbm", iterations=300)
    errors = [float(np.sqrt(np.mean((one.predict(new) - wanted) ** 2))) for one in (found, trees)]
    assert errors[0] < 0.5 * errors[1]
    assert found.importance["noise"] < 0.02 and found.importance["x"] > 0.2
    assert fitted(samples, frequencies=128, rounds=0).importance["noise"] > 0.2, "no feature's reach was learnt"


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_are_about_what_happens(classes):
    features, value, random = rows(4000)
    score = 2 * value[:, None] * np.arange(classes)
    shares = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    target = (random.random((len(score), 1)) > shares.cumsum(axis=1)).sum(axis=1).astype(float)
    said = fitted(Samples(features[:2000], target[:2000]), classes, frequencies=128).predict(features[2000:])
    np.testing.assert_allclose(said.sum(axis=1), 1)
    usual = np.abs(shares.mean(axis=0) - shares[2000:]).mean()
    assert np.abs(said - shares[2000:]).mean() < 0.5 * usual
    sure = said[:, -1] > 0.7
    assert abs(said[sure, -1].mean() - shares[2000:][sure, -1].mean()) < 0.1


def test_the_graph_holds_no_rows_and_does_not_grow_with_them():
    sizes = []
    for count in (400, 1600):
        features, truth, _ = rows(count)
        graph = GraphBuilder()
        scores = fitted(Samples(features, truth), frequencies=32).compile(graph, graph.matrix_input("features", 3))
        graph.output("scores", scores, NUMBER, ["N"])
        sizes.append(len(graph.build()))
    assert sizes[0] == sizes[1]
    assert not catalog.load("models", "random_fourier").contains_rows


def test_a_class_that_learn_lacks_gets_nothing():
    features, value, _ = rows(300)
    said = fitted(Samples(features, np.where(value > 0, 2.0, 0.0)), 3, frequencies=32).predict(features)
    assert (said[:, 1] == 0).all() and said[:, 2].max() > 0.5


def test_values_stay_within_those_of_learn():
    features, truth, _ = rows(200)
    found = fitted(Samples(features, truth), frequencies=64)
    far = found.predict(np.random.default_rng(3).uniform(-100, 100, (2000, 3)))
    assert truth.min() <= far.min() and far.max() <= truth.max()


def test_most_rows_bound_what_it_is_fitted_on():
    features, truth, _ = rows(600)
    assert fitted(Samples(features, truth), frequencies=32, max_rows=100).notes["fitted_rows"] == 100


def test_waves_are_about_the_gaussian_kernel():
    random = np.random.default_rng(2)
    points, factors = random.normal(size=(6, 3)), np.array([1.0, 0.5, 0.0])
    shown = fourier.waves(points, fourier.drawn(factors, 4000, random))
    apart = ((points[:, None] - points[None]) * factors) ** 2
    np.testing.assert_allclose(shown @ shown.T / 4000, np.exp(-apart.sum(axis=2) / 2), atol=0.04)


def test_the_ridge_is_that_of_scikit_learn_at_its_penalty():
    from sklearn.linear_model import Ridge

    features, truth, random = rows(200)
    weights = random.uniform(0.5, 1.5, 200)
    weights /= weights.mean()
    found = fourier.ridge(features, truth[:, None], weights)
    twin = Ridge(alpha=found.penalty).fit(features, truth, sample_weight=weights)
    np.testing.assert_allclose(found.coefficients[:, 0], twin.coef_, rtol=1e-8)
    np.testing.assert_allclose(found.intercepts[0], twin.intercept_, rtol=1e-8)
