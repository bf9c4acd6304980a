"""Boosted trees: objectives, monotone features, balanced classes, categories, stopping, and missing extras."""

from __future__ import annotations

import builtins
import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from modelwright.core.errors import DataError, ResourceError, SpecError
from modelwright.core.progress import Silent
from modelwright.fitting.fit import fit_model
from modelwright.fitting.folds import cross_validate, shortened, taken, with_iterations
from modelwright.graph import parity
from modelwright.graph.builder import NUMBER, GraphBuilder
from modelwright.graph.running import Scorer
from modelwright.parts import catalog
from modelwright.parts.folding import Fold
from modelwright.parts.samples import Feature, FitContext, Samples

BOOSTED = ("lightgbm", "hist_gradient_boosting", "xgboost", "catboost")
EXTRAS = ("xgboost", "catboost")
FEATURES = (Feature("age"), Feature("noise"), Feature("colour", 6))
ALL = ("squared_error", "absolute_error", "huber", "quantile", "poisson", "gamma", "tweedie")
LACKS = {"hist_gradient_boosting": ("huber", "tweedie"), "catboost": ("gamma",)}
OFFERED = [(kind, objective) for kind in BOOSTED for objective in ALL if objective not in LACKS.get(kind, ())]
every_booster = pytest.mark.parametrize("kind", BOOSTED)
monotone_ones = pytest.mark.parametrize("kind", BOOSTED[:3])


def rows(seed=0, count=1500):
    """Positive amounts that rise with age and depend on the colour; some of both missing."""
    random = np.random.default_rng(seed)
    features = np.column_stack([random.normal(size=(count, 2)), random.integers(0, 6, count)])
    mean = np.exp(0.5 * features[:, 0] + np.isin(features[:, 2], [1, 4]))
    features[random.random(count) < 0.05, 0] = np.nan
    features[random.random(count) < 0.05, 2] = np.nan
    return Samples(features, mean * random.gamma(4, 0.25, count))


def classes(seed=0, rare=0.5):
    samples = rows(seed)
    return Samples(samples.features, (samples.target > np.quantile(samples.target, 1 - rare)).astype(float))


def context(task="regression", metric="rmse", seed=1):
    return FitContext(task, {"regression": 0, "binary": 2, "multiclass": 3}[task], FEATURES, metric, seed, 1)


def model(kind, **settings):
    if kind in EXTRAS:
        pytest.importorskip(kind, reason=f"the extra {kind} is not installed", exc_type=ImportError)
    return catalog.load("models", kind).model_validate({"kind": kind, "iterations": 60, **settings})


def shown(fitted, features, task="regression"):
    """What the graph says, with the same bits at every batch size."""
    graph = GraphBuilder()
    scores = fitted.compile(graph, graph.matrix_input("features", len(FEATURES)))
    graph.output("scores", scores, NUMBER, ["N"] if task == "regression" else ["N", context(task).n_classes])
    scorer = Scorer(graph.build())
    sizes = parity.over_batch_sizes(scorer, {"features": features}, (1, 3, 7, 64))
    assert {size["scores"] for size in sizes.values()} == {0.0}
    return scorer.run({"features": features})["scores"]


@pytest.mark.parametrize(("kind", "objective"), OFFERED)
def test_an_objective_is_what_is_fitted_watched_and_shown(kind, objective):
    learn, held, other = rows(), rows(seed=1), rows(seed=2)
    part = model(kind, objective=objective, quantile=0.8, early_stopping_rounds=20, iterations=200)
    fitted = fit_model(part, learn, held, context(metric="rmse"))
    native = fitted.predict(other.features)
    np.testing.assert_allclose(shown(fitted, other.features), native, rtol=1e-9)
    watched = {"squared_error": ("rmse", "squared_error"), "absolute_error": ("mae",)}.get(objective, (objective,))
    assert fitted.notes["stopping_metric"] in watched and not fitted.notes["greater_is_better"]
    best = min(fitted.curve, key=lambda entry: (entry["validation"], entry["iteration"]))
    assert best["iteration"] == fitted.notes["iterations"] and fitted.curve[0]["validation"] > best["validation"]
    below = (other.target <= native).mean()
    if objective in ("quantile", "absolute_error"):
        assert below == pytest.approx(0.8 if objective == "quantile" else 0.5, abs=0.06)
    elif objective != "huber":
        assert native.mean() == pytest.approx(other.target.mean(), rel=0.12)
    if objective in ("poisson", "gamma", "tweedie"):
        assert native.min() > 0


@pytest.mark.parametrize(("kind", "objective"), [(kind, lost) for kind, those in LACKS.items() for lost in those])
def test_an_objective_that_a_library_lacks_is_named_with_those_it_has(kind, objective):
    with pytest.raises(SpecError, match=f"{kind} has no objective: {objective}; it has squared_error, absolute_error"):
        fit_model(model(kind, objective=objective), rows(), None, context())


@every_booster
def test_an_objective_has_its_task_and_its_targets(kind):
    with pytest.raises(SpecError, match="objective: quantile is for regression"):
        fit_model(model(kind, objective="quantile"), classes(), None, context("binary"))
    learn = rows()
    learn.target[5] = -1
    with pytest.raises(DataError, match="objective: poisson is for a target 0 or more; learn has -1"):
        fit_model(model(kind, objective="poisson"), learn, None, context())
    with pytest.raises(SpecError, match="class_weight is for classes"):
        fit_model(model(kind, class_weight="balanced"), rows(), None, context())


@monotone_ones
@pytest.mark.parametrize(("direction", "sign"), [("increasing", 1), ("decreasing", -1)])
@pytest.mark.parametrize(("task", "objective"), [("regression", "poisson"), ("regression", "squared_error"),
                                                 ("binary", "squared_error")])  # fmt: skip
def test_a_monotone_feature_only_moves_the_prediction_one_way(kind, direction, sign, task, objective):
    samples = rows() if task == "regression" else classes()
    free = fit_model(model(kind, objective=objective), samples, None, context(task))
    part = model(kind, objective=objective, monotone={"noise": direction})
    bound = fit_model(part, samples, None, context(task))
    grid = np.tile(samples.features[:1], (200, 1))
    grid[:, 1] = np.linspace(-3, 3, 200)
    moves = []
    for fitted in (free, bound):
        scores = shown(fitted, grid, task)
        moves.append(sign * np.diff(scores if task == "regression" else scores[:, 1]))
    assert moves[0].min() < 0 <= moves[1].min() + 1e-12


@monotone_ones
def test_monotone_names_features_that_are_there_and_are_numbers(kind):
    with pytest.raises(SpecError, match='no feature "agee"; did you mean "age"') as caught:
        fit_model(model(kind, monotone={"agee": "increasing"}), rows(), None, context())
    assert "features: age, noise, colour" in str(caught.value)
    with pytest.raises(SpecError, match='"colour" is a category'):
        fit_model(model(kind, monotone={"colour": "increasing"}), rows(), None, context())
    several = Samples(rows().features, np.digitize(rows().target, [0.5, 1.5]).astype(float))
    with pytest.raises(SpecError, match="monotone is for two classes or a number"):
        fit_model(model(kind, monotone={"age": "increasing"}), several, None, context("multiclass"))
    with pytest.raises(SpecError, match="monotone does not go with objective: quantile"):
        fit_model(model(kind, monotone={"age": "increasing"}, objective="quantile"), rows(), None, context())


@pytest.mark.parametrize("kind", [*BOOSTED, "linear_svm", "svm", "sgd"])
def test_balanced_classes_make_the_rare_one_as_likely_as_the_other(kind):
    learn, other = classes(rare=0.1), classes(seed=2, rare=0.1)
    settings = {"loss": "log_loss"} if kind == "sgd" else {}
    part = model(kind, **settings) if kind in BOOSTED else None
    load = catalog.load("models", kind)
    plain = part or load.model_validate({"kind": kind, **settings})
    even = plain.model_copy(update={"class_weight": "balanced"})
    found = [fit_model(one, learn, None, context("binary")).predict(other.features)[:, 1] for one in (plain, even)]
    assert found[0].mean() == pytest.approx(0.1, abs=0.05) and found[1].mean() > 0.2


@every_booster
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_categories_that_learn_did_not_have_and_missing_ones_are_scored_alike(kind, task):
    samples = rows()
    if task != "regression":
        edges = [1.0] if task == "binary" else [0.7, 1.5]
        samples = Samples(samples.features, np.digitize(samples.target, edges).astype(float))
    fitted = fit_model(model(kind), samples, None, context(task))
    odd = samples.features[:300].copy()
    odd[:, 2] = np.resize([6, 7, 99, 254, 255, 256, 300, 70_000, np.nan, 2], 300)
    odd[:3, :2] = [[1e300, -1e300], [np.nan, np.nan], [0.0, -0.0]]
    native = fitted.predict(odd)
    np.testing.assert_allclose(shown(fitted, odd, task), native, rtol=1e-9, atol=1e-9)
    if kind == "hist_gradient_boosting":
        again = odd.copy()
        again[~np.isin(odd[:, 2], range(6)), 2] = np.nan
        assert (fitted.predict(again) == native).all(), "a code that learn did not have counts as missing"


def test_hist_gradient_boosting_takes_the_most_frequent_codes_of_a_large_category():
    random = np.random.default_rng(0)
    codes = np.concatenate([np.arange(1000), random.integers(0, 200, 4000)]).astype(float)
    target = (codes % 7 == 0) + 0.1 * random.normal(size=5000)
    features = (Feature("code", 1000),)
    told = FitContext("regression", 0, features, "rmse", 1, 1)
    fitted = fit_model(model("hist_gradient_boosting"), Samples(codes[:, None], target), None, told)
    new = np.concatenate([np.arange(1200.0), [np.nan]])[:, None]
    graph = GraphBuilder()
    graph.output("scores", fitted.compile(graph, graph.matrix_input("features", 1)), NUMBER, ["N"])
    found = Scorer(graph.build()).run({"features": new})["scores"]
    np.testing.assert_allclose(found, fitted.predict(new), rtol=1e-12)
    assert found[:200][np.arange(200) % 7 == 0].mean() > found[:200].mean() + 0.4


@every_booster
def test_folds_take_one_common_number_of_iterations(kind):
    samples = rows()
    held = np.arange(1500) % 3
    folds = [Fold(held != fold, held == fold) for fold in range(3)]
    part = model(kind, iterations=300, early_stopping_rounds=10, learning_rate=0.2)
    outside = cross_validate(
        part, lambda fold: (taken(samples, fold.learn), taken(samples, fold.held), FEATURES), folds, context(), Silent()
    )
    assert outside.iterations is not None and 1 < outside.iterations < 300
    final = fit_model(with_iterations(part, outside.iterations), samples, None, context())
    assert final.notes["iterations"] == outside.iterations


@every_booster
@pytest.mark.parametrize("objective", ["squared_error", "poisson"])
def test_fewer_iterations_are_what_fitting_fewer_gives(kind, objective):
    held = rows(seed=1)
    settings = {"early_stopping_rounds": None, "objective": objective}
    settings |= {} if kind == "hist_gradient_boosting" else {"bagging_fraction": 1}
    longer = fit_model(model(kind, **settings), rows(), held, context())
    assert "stopping_metric" not in longer.notes and len(longer.curve) == 60
    short = shortened(longer, 25)
    expected = fit_model(model(kind, **settings).model_copy(update={"iterations": 25}), rows(), None, context())
    np.testing.assert_allclose(short.predict(held.features), expected.predict(held.features), rtol=1e-9)
    np.testing.assert_allclose(shown(short, held.features), expected.predict(held.features), rtol=1e-9)
    assert short.notes["iterations"] == 25 and sum(short.importance.values()) == pytest.approx(1)


def test_xgboost_itself_says_the_same_in_float32(tmp_path):
    xgboost = pytest.importorskip("xgboost", reason="the extra xgboost is not installed")
    fitted = fit_model(model("xgboost"), classes(), None, context("binary"))
    fitted.save_native(tmp_path)
    booster = xgboost.Booster(model_file=tmp_path / "xgboost.json")
    features = classes(seed=1).features
    data = xgboost.DMatrix(features.astype(np.float32), feature_types=["q", "q", "c"], enable_categorical=True)
    np.testing.assert_allclose(booster.predict(data), fitted.predict(features)[:, 1], rtol=0, atol=1e-6)
    fitted = fit_model(model("xgboost"), rows(), None, context())
    fitted.save_native(tmp_path)
    booster = xgboost.Booster(model_file=tmp_path / "xgboost.json")
    values = booster.predict(data) * fitted.notes["target_deviation"] + fitted.notes["target_mean"]
    np.testing.assert_allclose(values, fitted.predict(features), rtol=0, atol=1e-5)


def test_catboost_is_saved_as_json_that_it_reads(tmp_path):
    catboost = pytest.importorskip("catboost", reason="the extra catboost is not installed")
    fitted = fit_model(model("catboost"), rows(), None, context())
    fitted.save_native(tmp_path)
    again = catboost.CatBoost().load_model(str(tmp_path / "catboost.json"), format="json")
    adapted = fitted.adapter.apply(rows(seed=1).features)
    found = again.predict(adapted.astype(np.float32), prediction_type="RawFormulaVal")
    np.testing.assert_allclose(found, fitted.predict(rows(seed=1).features), rtol=1e-9)
    assert "train_finish_time" not in json.loads((tmp_path / "catboost.json").read_text())["model_info"]


@pytest.mark.parametrize("kind", EXTRAS)
def test_a_missing_extra_says_what_installs_it(kind, monkeypatch):
    true_import = builtins.__import__

    def without(name, *arguments, **keywords):
        if name.split(".")[0] == kind:
            raise ImportError(name)
        return true_import(name, *arguments, **keywords)

    monkeypatch.setitem(sys.modules, kind, None)
    monkeypatch.setattr(builtins, "__import__", without)
    part = catalog.load("models", kind).model_validate({"kind": kind})
    with pytest.raises(ResourceError, match=f"{kind} is not installed") as caught:
        fit_model(part, rows(), None, context())
    assert caught.value.exit_code == 5 and f"pip install 'modelwright[{kind}]'" in str(caught.value)


@every_booster
def test_features_that_never_vary_are_no_bug(kind):
    learn = rows()
    learn.features[:, :2], learn.features[:, 2] = 1.0, np.nan
    try:
        fitted = fit_model(model(kind), learn, None, context())
    except DataError as error:
        assert kind == "catboost" and "constant" in str(error)
    else:
        np.testing.assert_allclose(fitted.predict(learn.features), learn.target.mean(), rtol=1e-4)


def test_lightgbm_tells_categories_of_few_rows_apart_where_it_is_told_to():
    random = np.random.default_rng(3)
    effects = random.normal(size=300)

    def shops(count):
        shop = random.integers(0, 300, count)
        return np.column_stack([random.normal(size=(count, 2)), shop]), effects[shop]

    features, effect = shops(3000)  # ten rows of each
    learn = Samples(features, effect + 0.3 * random.normal(size=len(effect)))
    named = replace(context(), features=(*FEATURES[:2], Feature("shop", 300)))
    new, wanted = shops(2000)

    def error(**settings):
        said = fit_model(model("lightgbm", **settings), learn, None, named).predict(new)
        return float(np.sqrt(np.mean((said - wanted) ** 2)))

    assert error(min_category_rows=10, category_smoothing=2) < 0.7 * error()
