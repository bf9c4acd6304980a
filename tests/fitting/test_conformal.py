"""Conformalized quantile regression: quantiles that hold on rows that nothing has seen, moved inside the graph."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fitting.small_tables import prepared, table
from fitting.test_auto import part
from modelwright.core.errors import DataError
from modelwright.core.progress import Silent
from modelwright.fitting.agreement import agreement
from modelwright.fitting.conformal import fit_conformal
from modelwright.fitting.fit import compile_model
from modelwright.fitting.recalibration import calibrated
from modelwright.fitting.training import Recipe, train
from modelwright.graph.running import Scorer

LEVELS = (0.1, 0.5, 0.9)
BOLD = part("models", "lightgbm", iterations=300, early_stopping_rounds=None, min_leaf_rows=2, learning_rate=0.1)


def said(rows=900, levels=LEVELS):
    return replace(prepared("regression", rows), task=part("tasks", "quantile", target="y", quantiles=levels))


def trained(data, validation="kfold"):
    return train(data, Recipe(BOLD, part("validations", validation), "none", 3, 1), Silent())


def outside(quantiles, truth):
    return (truth <= quantiles[:, 0]).mean(), (truth > quantiles[:, -1]).mean()


@pytest.mark.parametrize("validation", ["holdout", "kfold"])
def test_quantiles_of_a_model_that_is_too_sure_of_itself_hold_on_fresh_rows(validation):
    data = said()
    before = trained(data, validation)
    found = calibrated(data, before, "conformal", 3)
    fresh = table("regression", 4000, seed=9)
    graphs = [compile_model(one.features.model, one.fitted, data.task, data.schema) for one in (before, found)]
    bold, held = (outside(Scorer(graph).run_table(fresh)["quantile"], data.target(fresh)) for graph in graphs)
    assert sum(bold) > 0.35, "of 0.2 that were promised"
    assert held == pytest.approx((0.1, 0.1), abs=0.035)
    told = agreement(graphs[1], found.features, found.fitted, data.task, data.validation)
    assert told["graph_to_native"] <= 1e-9
    assert {size for sizes in told["batch_sizes"].values() for size in sizes.values()} == {0.0}


def test_over_many_draws_of_calibration_rows_coverage_is_as_promised_and_hardly_more():
    """Theorem 2 of the paper: from 1 - alpha to 1 - alpha + 2 / (n + 1), on average over the rows drawn."""
    random = np.random.default_rng(0)
    inside, count = [], 99
    for _ in range(400):
        x, noise = random.normal(size=(2, count + 500))
        truth = x + 2 * noise
        narrow = x[:, None] + np.array([-0.5, 0.5])
        fitted = fit_conformal((0.1, 0.9), narrow[:count], truth[:count], np.ones(count))
        inside.append(1 - sum(outside(fitted.apply(narrow[count:]), truth[count:])))
    error = 2 * np.std(inside) / np.sqrt(len(inside))
    assert 0.8 - error <= np.mean(inside) <= 0.8 + 2 / (count + 1) + error


def test_a_row_of_weight_two_counts_as_two_rows():
    random = np.random.default_rng(1)
    truth, quantiles = random.normal(size=60), np.tile([-0.3, 0.0, 0.3], (60, 1))
    weights = random.integers(1, 4, 60).astype(float)
    doubled = np.repeat(np.arange(60), weights.astype(int))
    one = fit_conformal((0.2, 0.5, 0.8), quantiles, truth, weights)
    other = fit_conformal((0.2, 0.5, 0.8), quantiles[doubled], truth[doubled], np.ones(len(doubled)))
    np.testing.assert_allclose(one.shifts, other.shifts, atol=0.2)
    equal = fit_conformal((0.2, 0.5, 0.8), quantiles, truth, np.full(60, 3.0))
    np.testing.assert_array_equal(equal.shifts, fit_conformal((0.2, 0.5, 0.8), quantiles, truth, np.ones(60)).shifts)


def test_what_is_told_of_the_rows_was_found_on_others_and_they_count_as_seen():
    data = said()
    before = trained(data, "holdout")
    found = calibrated(data, before, "conformal", 3)
    told = found.told["calibration"]
    assert told["kind"] == "conformal" and told["rows"] == data.validation.num_rows
    assert told["before"]["coverage"] < 0.65 < told["after"]["coverage"]
    assert told["shifts"][0] < 0 < told["shifts"][2]
    assert found.chosen_by["calibration"] == "validation"
    assert len(found.fitted_rows) == data.learn.num_rows + data.validation.num_rows
    assert not np.array_equal(found.scores, found.fitted.predict(data.validation_samples.features))


def test_too_few_rows_for_a_far_quantile_are_refused():
    data = said(levels=(0.005, 0.5))
    with pytest.raises(DataError, match="300 rows to calibrate on; at least 400 are needed"):
        calibrated(data, trained(data, "holdout"), "conformal", 3)
