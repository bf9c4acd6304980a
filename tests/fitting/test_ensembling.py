"""Weights, comparisons, temperatures, scales and encodings: the pieces that a portfolio's final model is made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.fitting import target_transforms
from modelwright.fitting.budget import Budget
from modelwright.fitting.calibration import Tempered, best_temperature, row_losses, tempered
from modelwright.fitting.ensembling import STEPS, Ensemble, advantage, greedy_weights
from modelwright.fitting.graph_cost import graph_cost
from modelwright.fitting.target_transforms import Rescaled
from modelwright.graph import parity
from modelwright.graph.builder import NUMBER, GraphBuilder
from modelwright.graph.piecewise import fit_encoding
from modelwright.graph.running import Scorer
from modelwright.parts import catalog
from modelwright.parts.estimators.linear import FittedLinear
from modelwright.parts.models.prior import FittedPrior
from modelwright.parts.predictions import Predictions


def graph_of(fitted, width, classes=0):
    graph = GraphBuilder()
    scores = fitted.compile(graph, graph.matrix_input("features", width))
    graph.output("scores", scores, NUMBER, ["N", classes] if classes else ["N"])
    return graph.build()


def same_in_the_graph(fitted, features, classes=0):
    scorer = Scorer(graph_of(fitted, features.shape[1], classes))
    native, shown = fitted.predict(features), scorer.run({"features": features})["scores"]
    sizes = parity.over_batch_sizes(scorer, {"features": features}, (1, 3, 7, 64))
    assert {size["scores"] for size in sizes.values()} == {0.0}
    return parity.difference(native, shown) <= 1e-9 * (1 + np.abs(native).max())


def linear(scale=1.0):
    return FittedLinear(np.array([[scale, -1.0]]), np.array([0.3]), "identity", {"a": 0.5, "b": 0.5})


FEATURES = np.random.default_rng(0).normal(size=(200, 2)) * 3


def equal_weights(rows):
    return np.full(rows, 1 / rows)


def test_two_opposite_errors_are_averaged_and_noise_is_left_out():
    random = np.random.default_rng(1)
    truth = random.normal(size=2000)
    shown = [truth + 1, truth - 1, random.normal(size=2000) * 9]
    found = greedy_weights(shown, lambda values: (values - truth) ** 2, equal_weights(2000))
    assert found == [0.5, 0.5, 0.0]


def test_the_best_alone_stays_alone():
    truth = np.arange(50.0)
    found = greedy_weights([truth + 3, truth, truth + 5], lambda values: (values - truth) ** 2, equal_weights(50))
    assert found == [0.0, 1.0, 0.0]


@given(st.integers(0, 1000), st.integers(1, 6))
def test_a_mean_is_never_worse_than_its_best_member_on_the_rows_that_chose_it(seed, count):
    random = np.random.default_rng(seed)
    truth = random.normal(size=60)
    shown = [truth + random.normal(size=60) * random.uniform(0.1, 2) for _ in range(count)]

    def losses(values):
        return np.abs(values - truth)

    found = greedy_weights(shown, losses, equal_weights(60))
    assert sum(found) == pytest.approx(1) and all(abs(share * STEPS) >= 1 or share == 0 for share in found)
    mean = losses(sum(share * one for share, one in zip(found, shown, strict=True))).mean()
    assert mean <= min(losses(one).mean() for one in shown) + 1e-12


def test_an_advantage_is_in_the_direction_of_the_metric_with_an_error_of_its_own():
    random = np.random.default_rng(2)
    truth = (random.random(3000) > 0.5).astype(float)
    good, bad = (
        Predictions(truth, None, np.stack([1 - shown, shown], axis=1), None)
        for shown in (np.clip(truth * 0.6 + 0.2 + random.normal(size=3000) * 0.1, 0.01, 0.99), random.random(3000))
    )
    for kind in ("roc_auc", "log_loss"):
        metric = catalog.load("metrics", kind)()
        gain, error = advantage(metric, good, bad, seed=1)
        assert gain > 10 * error > 0
        assert advantage(metric, bad, good, seed=1)[0] == -gain
        assert advantage(metric, good, good, seed=1) == (0.0, 0.0)


def test_an_ensemble_is_its_weighted_mean_in_the_graph_too():
    ensemble = Ensemble((linear(), linear(2.0)), (0.25, 0.75))
    np.testing.assert_allclose(ensemble.predict(FEATURES), linear(1.75).predict(FEATURES))
    assert same_in_the_graph(ensemble, FEATURES)
    assert ensemble.importance == {"a": 0.5, "b": 0.5}


@pytest.mark.parametrize("temperature", [0.5, 0.8, 1.3, 2.0])
def test_the_temperature_of_overconfident_probabilities_is_found(temperature):
    random = np.random.default_rng(3)
    logits = random.normal(size=(60_000, 3)) * 1.5
    honest = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (random.random(60_000)[:, None] > honest.cumsum(axis=1)).sum(axis=1).astype(float)
    distorted = tempered(honest, 1 / temperature)
    found = best_temperature(distorted, truth, equal_weights(60_000))
    assert found == pytest.approx(temperature, rel=0.03)
    assert row_losses(tempered(distorted, found), truth).mean() <= row_losses(distorted, truth).mean()
    assert (tempered(distorted, found).argmax(axis=1) == distorted.argmax(axis=1)).all()


def test_a_tempered_model_says_the_same_in_the_graph_even_where_a_class_has_no_probability():
    link = FittedLinear(np.array([[1.0, 2.0], [0.5, -1.0], [0.0, 0.0]]), np.array([0.0, 1.0, -900.0]), "softmax", None)
    assert same_in_the_graph(Tempered(link, 0.7, 3), FEATURES * 10, classes=3)
    assert same_in_the_graph(
        Tempered(FittedPrior(np.array([0.0, 0.4, 0.6]), values=False), 1.5, 3), FEATURES, classes=3
    )


@pytest.mark.parametrize("scale", ["log1p", "sqrt"])
def test_a_scale_leads_there_and_back_and_stays_in_the_range(scale):
    target = np.array([0.0, 0.5, 3.0, 1e6])
    from modelwright.parts.samples import Samples

    there = target_transforms.on_scale(Samples(target[:, None], target), scale).target
    np.testing.assert_allclose(target_transforms.back(there, scale), target, rtol=1e-12)
    model = Rescaled(linear(), scale, 1.07, 0.0, 50.0)
    found = model.predict(FEATURES * 400)
    assert found.min() == 0.0 and found.max() == 50.0
    assert same_in_the_graph(model, FEATURES) and same_in_the_graph(model, FEATURES * 400)


def test_only_a_target_that_leans_right_and_is_never_negative_is_probed():
    random = np.random.default_rng(4)
    assert len(target_transforms.scales_to_probe(random.exponential(size=500))) == 3
    for target in (random.normal(size=500), random.exponential(size=500) - 0.5, np.ones(20), random.random(500)):
        assert target_transforms.scales_to_probe(target) == ("raw",)


def test_the_factor_of_the_way_back_is_least_squares():
    assert target_transforms.correction(np.array([1.0, 2.0]), np.array([2.0, 4.0]), None) == 2.0
    assert target_transforms.correction(np.zeros(2), np.array([2.0, 4.0]), None) == 1.0


def test_a_budget_keeps_back_what_is_reserved_and_stops_when_told():
    budget = Budget(10.0)
    assert budget.fits(8.0) and not budget.fits(9.0)  # some of it goes to reading and writing
    budget.reserved_s = 5.0
    assert not budget.fits(8.0)
    budget.reserved_s, budget.stopped = 0.0, True
    assert not budget.fits(0.0)


def test_an_encoding_says_the_same_in_the_graph_on_rows_that_learn_never_had():
    random = np.random.default_rng(5)
    matrix = random.normal(size=(500, 6))
    matrix[:, 1] = random.integers(0, 3, 500)
    matrix[:, 2] = np.exp(8 * matrix[:, 2])
    matrix[:, 3] = random.integers(0, 9, 500)
    matrix[:, 4] = np.nan
    matrix[:, 5] = 7.0
    matrix[random.random(500) < 0.1, 0] = np.nan
    encoding = fit_encoding([*"abcdef"], [3], matrix, 16)
    other = np.concatenate([matrix, matrix * 1e9, -matrix])
    other[::7, 0], other[::5, 2], other[::3, 3], other[::11, 4] = np.inf, -np.inf, 99, 1.0
    graph = GraphBuilder()
    width = len(encoding.origins)
    graph.output("encoded", encoding.compile(graph, graph.matrix_input("features", 6)), NUMBER, ["N", width])
    native = encoding.apply(other)
    assert native.shape[1] == width and np.abs(native).max() <= 3.0
    shown = Scorer(graph.build()).run({"features": other})["encoded"]
    np.testing.assert_allclose(shown, native, rtol=0, atol=1e-12)
    assert set(encoding.origins) == set("abcdef"), "even a feature without values keeps its place"


def test_the_prior_is_the_share_of_each_class_on_rows_of_nothing_but_missing_values():
    nothing = np.full((5, 2), np.nan)
    assert same_in_the_graph(FittedPrior(np.array([0.2, 0.3, 0.5]), values=False), nothing, classes=3)
    assert same_in_the_graph(FittedPrior(np.array([4.2]), values=True), nothing)


def test_costs_are_counted_the_same_every_time_and_more_trees_cost_more():
    from modelwright.parts.models.lightgbm import LightGBM
    from modelwright.parts.samples import Feature, FitContext, Samples

    context = FitContext("regression", 0, (Feature("a"), Feature("b")), "rmse", 1, 1)
    samples = Samples(FEATURES, FEATURES[:, 0])
    costs = [graph_cost(graph_of(LightGBM(iterations=count).fit(samples, None, context), 2)) for count in (5, 5, 50)]
    assert costs[0] == costs[1] and costs[0].bytes < costs[2].bytes and costs[0].row_us < costs[2].row_us
