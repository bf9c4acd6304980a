"""Each model's graph says what the fitted model says, at every batch size, on rows that learn never had as well."""

from __future__ import annotations

import functools
import hashlib

import numpy as np
import pytest

from modelwright.core.errors import DataError, SpecError
from modelwright.fitting.fit import fit_model
from modelwright.graph import parity
from modelwright.graph.builder import NUMBER, GraphBuilder
from modelwright.graph.running import Scorer
from modelwright.parts import catalog
from modelwright.parts.base import Model
from modelwright.parts.samples import Feature, FitContext, Samples

FEATURES = (Feature("x"), Feature("noise"), Feature("amount"), Feature("kind", 7), Feature("place", 60))
METRICS = {"regression": "rmse", "binary": "roc_auc", "multiclass": "log_loss"}
BOOSTED = ("lightgbm", "hist_gradient_boosting", "xgboost", "catboost")
FAST = {kind: {"iterations": 40} for kind in BOOSTED} | {
    kind: {"trees": 20} for kind in ("random_forest", "extra_trees")
}
FAST["mlp"] = {"hidden": 24, "epochs": 12, "batch_size": 100, "learning_rate": 0.02}
FAST["tabm"] = {"members": 3, "hidden": 16, "epochs": 8, "batch_size": 100, "learning_rate": 0.02}
FAST["random_fourier"] = {"frequencies": 64, "rounds": 1}
FAST["gaussian_process"] = {"max_rows": 200, "search_rows": 60}
EXTRAS = {"xgboost": "xgboost", "catboost": "catboost", "mlp": "torch", "tabm": "torch"}
COUNTS = ("multinomial_naive_bayes",)  # take nothing below 0
UNWEIGHTED = {("gaussian_process", "binary"), ("gaussian_process", "multiclass")}
# Whose importance is the size of coefficients, noise and all.
LINEAR = (
    "logistic",
    "ridge",
    "elastic_net",
    "generalized_linear",
    "piecewise_linear",
    "linear_svm",
    "sgd",
    "linear_quantile",
)
CASES = [
    (kind, task)
    for kind in catalog.builtin_kinds("models")
    for task in sorted(catalog.load("models", kind).tasks)
    if kind not in ("auto", "prior", "onnx") and task in METRICS  # nothing to fit, nothing learnt from features
]
every_model = pytest.mark.parametrize(("kind", "task"), CASES)


def rows(task, seed=0, count=800):
    """Missing values, categories as codes, large amounts; the target follows from them with noise."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(count, 5))
    features[:, 2] = 1e6 * random.random(count)
    features[:, 3], features[:, 4] = random.integers(0, 7, count), random.integers(0, 60, count)
    features[random.random(count) < 0.1, 0] = np.nan
    features[random.random(count) < 0.05, 3] = np.nan
    value = 2 * np.nan_to_num(features[:, 0]) + features[:, 2] / 1e6 + 2 * np.isin(features[:, 3], [1, 3])
    value += random.normal(size=count) * 0.5
    if task == "binary":
        return Samples(features, (value > 1).astype(float))
    return Samples(features, np.digitize(value, [0, 1, 2]).astype(float) if task == "multiclass" else value + 10)


def unseen(features):
    """Missing where there was none, categories and amounts that learn never had."""
    changed = features.copy()
    changed[::5, 3], changed[::7, 1], changed[::11, 2], changed[::13, 4] = 99, np.nan, -1e12, np.nan
    return changed


def rows_for(kind, task, seed=0):
    """As they are, or as counts for the models that want such."""
    samples = rows(task, seed)
    if kind not in COUNTS:
        return samples
    low = samples.features[:, 0] < 0
    counts = np.abs(samples.features) / [1, 1, 1e6, 1, 1]
    counts[:, :2] = np.where(np.isnan(samples.features[:, :2]), np.nan, np.floor(3 * counts[:, :2]))
    counts[low, 0] = 0
    return Samples(counts, samples.target, samples.weights)


def model_of(kind, **settings) -> Model:
    if kind in EXTRAS:
        pytest.importorskip(EXTRAS[kind], reason=f"{EXTRAS[kind]} is not installed", exc_type=ImportError)
    return catalog.load("models", kind).model_validate({"kind": kind, **FAST.get(kind, {}), **settings})


def context(task, threads=1, seed=1):
    return FitContext(
        task, {"regression": 0, "binary": 2, "multiclass": 4}[task], FEATURES, METRICS[task], seed, threads
    )


@functools.cache
def plainly_fitted(kind, task):
    """Without validation rows; one fit for the tests that only look at it."""
    return fit_model(model_of(kind), rows_for(kind, task), None, context(task))


def graph_of(fitted, task) -> bytes:
    graph = GraphBuilder()
    scores = fitted.compile(graph, graph.matrix_input("features", len(FEATURES)))
    classes = context(task).n_classes
    graph.output("scores", scores, NUMBER, ["N", classes] if classes else ["N"])
    return graph.build()


@every_model
def test_graph_and_native_model_agree_and_every_batch_size_gives_the_same_bits(kind, task):
    learn = rows_for(kind, task)
    fitted = fit_model(model_of(kind), learn, rows_for(kind, task, seed=1), context(task))
    scorer = Scorer(graph_of(fitted, task))
    for features in (learn.features, unseen(learn.features)):
        native = fitted.predict(features)
        shown = scorer.run({"features": features})["scores"]
        assert parity.difference(native, shown) <= 1e-9 * (1 + np.abs(native).max())
        assert not np.isnan(shown).any()
        sizes = parity.over_batch_sizes(scorer, {"features": features}, (1, 3, 7, 64))
        assert {size["scores"] for size in sizes.values()} == {0.0}


@every_model
def test_probabilities_are_probabilities_and_better_than_chance(kind, task):
    fitted = plainly_fitted(kind, task)
    other = rows_for(kind, task, seed=2)
    scores = fitted.predict(other.features)
    if task == "regression":
        assert np.mean((scores - other.target) ** 2) < 0.7 * np.var(other.target)
        return
    assert scores.shape == (len(other.target), context(task).n_classes)
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    assert np.mean(scores.argmax(axis=1) == other.target) > np.bincount(other.target.astype(int)).max() / 800


@every_model
def test_same_rows_and_seed_give_the_same_bytes_with_any_number_of_threads(kind, task, tmp_path):
    graphs = []
    for threads in (1, 1, 2):
        learn, validation = rows_for(kind, task), rows_for(kind, task, seed=1)
        fitted = fit_model(model_of(kind), learn, validation, context(task, threads))
        fitted.save_native(tmp_path / f"{len(graphs)}")
        graphs.append(graph_of(fitted, task))
    assert len({hashlib.sha256(content).hexdigest() for content in graphs}) == 1
    files = [sorted(path.read_bytes() for path in folder.iterdir()) for folder in tmp_path.iterdir()]
    assert all(content == files[0] for content in files)


@every_model
def test_importance_is_by_raw_feature_and_sums_to_one(kind, task):
    fitted = plainly_fitted(kind, task)
    if fitted.importance is None:
        return
    assert set(fitted.importance) == {feature.name for feature in FEATURES}
    assert sum(fitted.importance.values()) == pytest.approx(1)
    assert fitted.importance["noise"] < fitted.importance["x"] or kind in LINEAR


@every_model
def test_weights_count(kind, task):
    learn = rows_for(kind, task)
    heavy = np.where(learn.target > np.median(learn.target), 50.0, 1.0)
    others = rows_for(kind, task, seed=2).features
    plain = plainly_fitted(kind, task).predict(others)
    samples = Samples(learn.features, learn.target, heavy)
    if (kind, task) in UNWEIGHTED:
        with pytest.raises(SpecError, match="no weights"):
            fit_model(model_of(kind), samples, None, context(task))
        return
    weighted = fit_model(model_of(kind), samples, None, context(task))
    shifted = weighted.predict(others)
    if task == "regression":
        assert shifted.mean() > plain.mean()
    else:
        assert shifted[:, -1].mean() > plain[:, -1].mean()


@pytest.mark.parametrize("lacking", [[1], [0, 3]], ids=["of four one", "all but two"])
@pytest.mark.parametrize("kind", [kind for kind, task in CASES if task == "multiclass"])
def test_a_class_that_learn_lacks_gets_next_to_no_probability(kind, lacking):
    learn, validation = rows_for(kind, "multiclass"), rows_for(kind, "multiclass", seed=1)
    kept = ~np.isin(learn.target, lacking)
    samples = Samples(learn.features[kept], learn.target[kept])
    fitted = fit_model(model_of(kind), samples, validation, context("multiclass"))
    scores = fitted.predict(learn.features)
    assert scores[:, lacking].max() < 1e-6
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    shown = Scorer(graph_of(fitted, "multiclass")).run({"features": learn.features})["scores"]
    np.testing.assert_allclose(shown, scores, rtol=0, atol=1e-9)


def test_lightgbm_stops_early_and_says_when():
    model = model_of("lightgbm", iterations=2000, learning_rate=0.3, early_stopping_rounds=5)
    fitted = fit_model(model, rows("binary"), rows("binary", seed=1), context("binary"))
    assert fitted.notes["iterations"] < fitted.notes["iterations_tried"] == len(fitted.curve) < 2000
    best = min(fitted.curve, key=lambda entry: (entry["validation"], entry["iteration"]))
    assert best["iteration"] == fitted.notes["iterations"]
    assert fitted.notes["stopping_metric"] == "log_loss", "ranks stand still while probabilities still improve"


@pytest.mark.parametrize("metric", ["rmse", "mae"])
def test_lightgbm_fits_and_stops_the_same_with_any_number_of_threads(metric):
    random = np.random.default_rng(0)
    features = random.normal(size=(60_000, 10))
    samples = Samples(features, features[:, 0] + np.sin(3 * features[:, 1]) + random.normal(size=60_000))
    names = tuple(Feature(f"x{number}") for number in range(10))
    fitted = [
        fit_model(
            model_of("lightgbm", iterations=12),
            samples,
            samples,
            FitContext("regression", 0, names, metric, 1, threads),
        )
        for threads in (1, 2, 3)
    ]
    assert fitted[0].curve == fitted[1].curve == fitted[2].curve
    predictions = [one.predict(features[:1000]) for one in fitted]
    assert (predictions[0] == predictions[1]).all() and (predictions[0] == predictions[2]).all()


def test_lightgbm_takes_categories_natively():
    dump = graph_of(fit_model(model_of("lightgbm"), rows("regression"), None, context("regression")), "regression")
    assert b"membership_values" in dump


def test_a_forest_stays_within_its_nodes(monkeypatch):
    from modelwright.parts.estimators import forest

    monkeypatch.setattr(forest, "MOST_NODES", 1000)
    fitted = fit_model(model_of("random_forest"), rows("regression"), None, context("regression"))
    assert fitted.notes["min_leaf_rows"] == 16
    assert fitted.notes["nodes"] <= 2000


def test_logistic_says_when_it_did_not_converge():
    fitted = fit_model(model_of("logistic", max_iter=1), rows("binary"), None, context("binary"))
    assert fitted.notes["converged"] is False


def test_a_model_that_cannot_do_the_task_says_what_it_can():
    with pytest.raises(SpecError, match="ridge can't do binary; it is made for regression"):
        fit_model(model_of("ridge"), rows("binary"), None, context("binary"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda samples: Samples(samples.features, np.zeros(800)), "is always 0"),
        (lambda samples: Samples(samples.features[:0], samples.target[:0]), "no row"),
        (lambda samples: Samples(samples.features, np.where(samples.target > 1, np.nan, 0)), "missing in"),
        (lambda samples: Samples(np.full((800, 5), np.inf), samples.target), "infinite values in the features x"),
    ],
)
def test_rows_that_can_not_be_learnt_from(change, message):
    with pytest.raises(DataError, match=message):
        fit_model(model_of("lightgbm"), change(rows("regression")), None, context("regression"))


@every_model
def test_a_feature_without_any_value_does_no_harm(kind, task):
    learn = rows_for(kind, task)
    learn.features[:, 1] = np.nan
    learn.features[:, 4] = np.nan
    fitted = fit_model(model_of(kind), learn, None, context(task))
    shown = Scorer(graph_of(fitted, task)).run({"features": learn.features})["scores"]
    np.testing.assert_allclose(shown, fitted.predict(learn.features), rtol=1e-9, atol=1e-9)
