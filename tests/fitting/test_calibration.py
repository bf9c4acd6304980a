"""Calibration: in the graph as in numpy, honest in what it reports, and of use where a model is too bold."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn.isotonic import IsotonicRegression

from fitting.small_tables import prepared, table
from modelwright.core.columns import ROW_DIGEST
from modelwright.core.errors import DataError
from modelwright.core.progress import Silent
from modelwright.fitting.calibrators import KINDS, fit_calibrator
from modelwright.fitting.fit import compile_model
from modelwright.fitting.recalibration import calibrated
from modelwright.fitting.training import Recipe, train
from modelwright.graph import parity
from modelwright.graph.builder import NUMBER, GraphBuilder
from modelwright.graph.running import Scorer
from modelwright.parts import catalog
from modelwright.parts.reliability import reliability


def scores(classes, rows=600, seed=0, boldness=3.0):
    """Probabilities that are too bold by a known exponent, the classes that came true, and weights."""
    random = np.random.default_rng(seed)
    honest = random.dirichlet(np.full(classes, 0.8), rows)
    truth = (random.random(rows)[:, None] > honest.cumsum(axis=1)).sum(axis=1).astype(float)
    bold = honest**boldness
    return bold / bold.sum(axis=1, keepdims=True), truth, random.random(rows) + 0.5


def graph_of(calibrator, classes):
    graph = GraphBuilder()
    found = calibrator.compile(graph, graph.matrix_input("raw", classes))
    graph.output("probability", found, NUMBER, ["N", classes])
    return Scorer(graph.build())


@pytest.mark.parametrize("classes", [2, 3, 9])
@pytest.mark.parametrize("kind", KINDS)
def test_graph_and_numpy_agree_at_every_batch_size_also_at_the_edges(kind, classes):
    bold, truth, weights = scores(classes)
    calibrator = fit_calibrator(kind, bold, truth, weights)
    random = np.random.default_rng(1)
    corners = np.eye(classes)
    rows = np.concatenate(
        [bold, random.dirichlet(np.full(classes, 0.05), 300), corners, np.full((1, classes), 1 / classes)]
    )
    scorer = graph_of(calibrator, classes)
    native, shown = calibrator.apply(rows), scorer.run({"raw": rows})["probability"]
    assert parity.difference(native, shown) <= 1e-9
    sizes = parity.over_batch_sizes(scorer, {"raw": rows}, (1, 7, 64))
    assert {size["probability"] for size in sizes.values()} == {0.0}
    np.testing.assert_allclose(shown.sum(axis=1), 1, atol=1e-12)
    assert shown.min() >= 0


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_that_were_too_bold_hold_afterwards_on_other_rows(kind, classes):
    calibrator = fit_calibrator(kind, *scores(classes, 4000))
    bold, truth, _ = scores(classes, 4000, seed=5)
    before, after = (reliability(found, truth).ece for found in (bold, calibrator.apply(bold)))
    assert before > 0.08
    assert after < before / 2


def test_isotonic_is_that_of_scikit_learn_but_never_quite_certain():
    bold, truth, weights = scores(2, 2000)
    calibrator = fit_calibrator("isotonic", bold, truth, weights)
    twin = IsotonicRegression(y_min=1 / 2002, y_max=1 - 1 / 2002, out_of_bounds="clip").fit(
        np.round(bold[:, 1], 5), truth, sample_weight=weights
    )
    other = scores(2, 500, seed=3)[0]
    np.testing.assert_allclose(calibrator.apply(other)[:, 1], twin.predict(other[:, 1]), atol=1e-12)
    assert 0 < calibrator.apply(np.array([[1.0, 0.0]]))[0, 1] < 2e-2


def test_sigmoid_of_several_classes_gives_each_its_share():
    bold, truth, weights = scores(3, 3000)
    found = fit_calibrator("sigmoid", bold, truth, weights).apply(bold)
    for code in range(3):
        assert abs(np.average(found[:, code], weights=weights) - np.average(truth == code, weights=weights)) < 0.01


def test_one_value_for_all_rows_becomes_the_share_of_each_class():
    constant = np.tile([0.9, 0.1], (200, 1))
    truth = (np.arange(200) % 4 == 0).astype(float)
    for kind in ("sigmoid", "isotonic"):
        found = fit_calibrator(kind, constant, truth, np.ones(200))
        shown = graph_of(found, 2).run({"raw": constant[:3]})["probability"]
        np.testing.assert_allclose(shown[:, 1], 0.25, atol=0.01)
        np.testing.assert_array_equal(shown, found.apply(constant[:3]))


def trained(task, kind, *, folds=None, rows=500, **keys):
    data = prepared(task, rows)
    validation = {"kind": "kfold", "folds": folds} if folds else {"kind": "holdout"}
    recipe = Recipe(
        catalog.load("models", kind).model_validate({"kind": kind, **keys}),
        catalog.load("validations", validation["kind"]).model_validate(validation),
        "none",
        3,
        1,
    )
    return data, train(data, recipe, Silent())


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("choice", KINDS)
def test_any_model_is_calibrated_in_the_graph_and_reported_by_others_rows(task, choice):
    data, raw = trained(task, "gaussian_naive_bayes", folds=4)
    done = calibrated(data, raw, choice, seed=3)
    told = done.told["calibration"]
    assert told["kind"] == choice and told["rows"] == len(done.scores) == raw.judged.num_rows
    assert done.chosen_by["calibration"] == raw.chosen_by["scores"]
    assert set(raw.judged[ROW_DIGEST].to_pylist()) <= set(done.fitted_rows.tolist())
    features = data.samples(data.validation, data.features).features
    shown = Scorer(compile_model(data.features.model, done.fitted, data.task, data.schema)).run_table(data.validation)
    np.testing.assert_allclose(shown["probability"], done.fitted.predict(features), rtol=0, atol=1e-9)
    assert abs(shown["probability"] - raw.fitted.predict(features)).max() > 1e-4
    own = done.fitted.calibrator.apply(raw.scores)
    assert abs(own - done.scores).max() > 0, "what is reported was mapped by calibrators of other rows"


def test_reported_scores_do_not_flatter_where_there_is_nothing_to_learn():
    """Isotonic steps follow any noise: judged on their own rows they would look better than the prior."""
    random = np.random.default_rng(2)
    noise = table("binary", 400, 0).set_column(
        5, "y", pa.array(np.where(random.random(400) < 0.5, "yes", "no").tolist())
    )
    data = prepared("binary", learn=noise, validation=noise.slice(0, 0))
    recipe = Recipe(
        catalog.load("models", "logistic")(),
        catalog.load("validations", "kfold").model_validate({"kind": "kfold", "folds": 5}),
        "none",
        3,
        1,
    )
    done = calibrated(data, train(data, recipe, Silent()), "isotonic", seed=3)
    own = done.fitted.calibrator.apply(train(data, recipe, Silent()).scores)
    truth = data.target(done.judged)
    flattering = -np.log(own[np.arange(len(truth)), truth.astype(int)]).mean()
    assert flattering < np.log(2) < done.told["calibration"]["after"]["log_loss"]


def test_auto_leaves_a_calibrated_model_alone_and_mends_one_that_is_too_bold():
    data, good = trained("binary", "logistic", folds=5)
    left = calibrated(data, good, "auto", seed=3)
    assert left.told["calibration"]["kind"] == "none" and left.fitted is good.fitted
    data, bold = trained("binary", "decision_tree", folds=5, min_leaf_rows=1)
    mended = calibrated(data, bold, "auto", seed=3).told["calibration"]
    assert mended["kind"] in KINDS
    assert mended["after"]["log_loss"] < mended["before"]["log_loss"]


def test_too_few_rows_to_calibrate_on_says_what_to_do():
    data, raw = trained("binary", "logistic", rows=120)
    with pytest.raises(DataError, match="40 rows to calibrate"):
        calibrated(data, raw, "isotonic", seed=3)
