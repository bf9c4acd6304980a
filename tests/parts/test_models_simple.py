"""Naive Bayes, linear margins, kernels and neighbours: what scikit-learn says, and how they meet odd rows."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning

from modelwright.core.errors import DataError, SpecError
from modelwright.fitting.fit import fit_model
from modelwright.graph import parity
from modelwright.graph.builder import NUMBER, GraphBuilder
from modelwright.graph.running import WIDE_CHUNK, Scorer
from modelwright.graph.stored_rows import Grid, squared_distances
from modelwright.parts import catalog
from modelwright.parts.estimators.bounded_rows import bounded_rows
from modelwright.parts.estimators.platt import class_folds, fitted_sigmoid
from modelwright.parts.samples import Feature, FitContext, Samples

CLASSES = {"binary": 2, "multiclass": 3, "regression": 0}


def samples(task, seed=0, count=300, width=3):
    """Standardized columns, so that no adapter changes them much."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(count, width))
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    value = features[:, 0] + np.sin(2 * features[:, 1]) + 0.3 * random.normal(size=count)
    if task == "regression":
        return Samples(features, 50 + 20 * value)
    return Samples(features, np.digitize(value, [0.0] if task == "binary" else [-0.5, 0.5]).astype(float))


def context(task, width=3, seed=1):
    return FitContext(task, CLASSES[task], tuple(Feature(f"x{at}") for at in range(width)), "rmse", seed, 1)


def model(kind, **settings):
    return catalog.load("models", kind).model_validate({"kind": kind, **settings})


def fitted(kind, task, learn=None, **settings):
    learn = samples(task) if learn is None else learn
    return fit_model(model(kind, **settings), learn, None, context(task, learn.features.shape[1]))


def shown(one, features, task):
    """What the graph says, with the same bits at every batch size."""
    graph = GraphBuilder()
    scores = one.compile(graph, graph.matrix_input("features", features.shape[1]))
    graph.output("scores", scores, NUMBER, ["N", CLASSES[task]] if CLASSES[task] else ["N"])
    scorer = Scorer(graph.build())
    sizes = parity.over_batch_sizes(scorer, {"features": features}, (1, 3, 7, 64))
    assert {size["scores"] for size in sizes.values()} == {0.0}
    return scorer.run({"features": features})["scores"]


def both(one, features, task):
    """Native predictions, which the graph's must be."""
    native = one.predict(features)
    np.testing.assert_allclose(shown(one, features, task), native, rtol=1e-9, atol=1e-9)
    return native


def quietly(estimator, features, target):
    """Fitted, without what it says of convergence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(features, target)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_naive_bayes_is_scikit_learns(task):
    from sklearn.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB

    learn, other = samples(task), samples(task, seed=1).features
    weights = np.random.default_rng(0).integers(0, 4, 300).astype(float)
    for weighing in (None, weights):
        weighed = Samples(learn.features, learn.target, weighing)
        expected = GaussianNB().fit(learn.features, learn.target, weighing).predict_proba(other)
        np.testing.assert_allclose(
            both(fitted("gaussian_naive_bayes", task, weighed), other, task), expected, atol=1e-9
        )
        expected = BernoulliNB(binarize=0.5).fit(learn.features, learn.target, weighing).predict_proba(other)
        found = fitted("bernoulli_naive_bayes", task, weighed, threshold=0.5)
        np.testing.assert_allclose(both(found, other, task), expected, atol=1e-9)
        counts, new = np.floor(np.abs(3 * learn.features)), np.floor(np.abs(3 * other))
        expected = MultinomialNB(alpha=0.5).fit(counts, learn.target, weighing).predict_proba(new)
        found = fitted("multinomial_naive_bayes", task, Samples(counts, learn.target, weighing), alpha=0.5)
        np.testing.assert_allclose(both(found, new, task), expected, atol=1e-9)


def test_gaussian_naive_bayes_counts_columns_of_two_values():
    from sklearn.naive_bayes import BernoulliNB

    learn = samples("multiclass")
    flags = Samples((learn.features > 0).astype(float), learn.target)
    expected = BernoulliNB().fit(flags.features, flags.target).predict_proba(flags.features)
    np.testing.assert_allclose(both(fitted("gaussian_naive_bayes", "multiclass", flags), flags.features, "multiclass"),
                               expected, atol=1e-9)  # fmt: skip


@pytest.mark.parametrize("kind", ["gaussian_naive_bayes", "bernoulli_naive_bayes"])
def test_equal_priors_do_not_know_which_class_is_frequent(kind):
    learn = samples("binary")
    rare = Samples(learn.features[:, 2:], (np.arange(300) < 15).astype(float))
    as_learnt, equal = fitted(kind, "binary", rare), fitted(kind, "binary", rare, priors="equal")
    assert as_learnt.predict(rare.features)[:, 1].mean() < 0.1 < 0.3 < equal.predict(rare.features)[:, 1].mean()


def test_multinomial_naive_bayes_names_the_feature_that_is_no_count():
    with pytest.raises(DataError, match='"x0" goes down to -') as caught:
        fitted("multinomial_naive_bayes", "binary")
    assert "min_max" in str(caught.value)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_linear_svm_scores_are_scikit_learns_and_its_probabilities_calibrated(task):
    from sklearn.svm import LinearSVC

    learn, other = samples(task, count=2000), samples(task, seed=1, count=2000)
    found = fitted("linear_svm", task, learn, C=0.5)
    expected = LinearSVC(C=0.5, dual=False).fit(learn.features, learn.target)
    native = both(found, other.features, task)
    if task == "binary":
        assert (native.argmax(axis=1) == expected.predict(other.features)).mean() > 0.97
        order = np.argsort(expected.decision_function(other.features))
        assert (np.diff(native[order, 1]) >= 0).all(), "the sigmoid keeps the order of the scores"
    for code in range(CLASSES[task]):
        assert native[:, code].mean() == pytest.approx((other.target == code).mean(), abs=0.04)


@pytest.mark.parametrize(("loss", "task"), [("log_loss", "binary"), ("log_loss", "multiclass"), ("hinge", "binary"),
                                            ("hinge", "multiclass"), ("huber", "regression"),
                                            ("squared_error", "regression")])  # fmt: skip
def test_sgd_is_scikit_learns(loss, task):
    from sklearn.linear_model import SGDClassifier, SGDRegressor

    learn, other = samples(task), samples(task, seed=1)
    found = fitted("sgd", task, learn, loss=loss, epochs=20)
    native = both(found, other.features, task)
    features, new = found.adapter.apply(learn.features), found.adapter.apply(other.features)
    step = min(0.05, 0.5 / np.mean((features**2).sum(axis=1)))
    settings = {"learning_rate": "adaptive", "eta0": step, "max_iter": 20, "average": 300, "random_state": 1}
    if task == "regression":
        twin = SGDRegressor(loss=loss, epsilon=0.5, **settings)
        mean, spread = learn.target.mean(), learn.target.std()
        quietly(twin, features, (learn.target - mean) / spread)
        np.testing.assert_allclose(native, twin.predict(new) * spread + mean, rtol=1e-9)
    elif loss == "log_loss":
        twin = quietly(SGDClassifier(loss=loss, **settings), features, learn.target)
        np.testing.assert_allclose(native, twin.predict_proba(new), atol=1e-9)
    else:
        assert (native.argmax(axis=1) == other.target).mean() > 0.6


def test_sgd_refuses_a_loss_of_the_other_task():
    with pytest.raises(SpecError, match="loss: huber is not for binary; log_loss and hinge are"):
        fitted("sgd", "binary", loss="huber")


@pytest.mark.parametrize("kernel", ["rbf", "poly"])
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_svm_scores_are_scikit_learns(kernel, task):
    from sklearn.svm import SVC, SVR

    learn, other = samples(task), samples(task, seed=1)
    native = both(fitted("svm", task, learn, kernel=kernel, gamma=0.2), other.features, task)
    settings = {"kernel": kernel, "gamma": 0.2, "coef0": 1.0}
    if task == "regression":
        mean, spread = learn.target.mean(), learn.target.std()
        twin = SVR(**settings).fit(learn.features, (learn.target - mean) / spread)
        np.testing.assert_allclose(native, twin.predict(other.features) * spread + mean, rtol=0, atol=0.3)
    else:
        scores = SVC(**settings).fit(learn.features, learn.target).decision_function(other.features)
        clear = np.abs(np.diff(np.sort(scores))) > 1e-3
        assert (np.diff(native[np.argsort(scores), 1])[clear] > 0).all()


def test_svm_of_several_classes_agrees_with_its_graph():
    native = both(fitted("svm", "multiclass", kernel="poly"), samples("multiclass", seed=1).features, "multiclass")
    assert (native.argmax(axis=1) == samples("multiclass", seed=1).target).mean() > 0.7


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_k_nearest_is_scikit_learns(weights, task):
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    learn, other = samples(task), np.concatenate([samples(task, seed=1).features, samples(task).features[:20]])
    native = both(fitted("k_nearest", task, learn, neighbors=7, weights=weights), other, task)
    estimator = (KNeighborsClassifier if CLASSES[task] else KNeighborsRegressor)(7, weights=weights)
    estimator.fit(learn.features, learn.target)
    expected = estimator.predict_proba(other) if CLASSES[task] else estimator.predict(other)
    np.testing.assert_allclose(native, expected, rtol=1e-4, atol=1e-4)


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=4, max_size=40), st.integers(1, 9))
def test_of_rows_equally_near_the_first_are_taken_by_both(points, neighbors):
    """Points of a lattice have many ties; the values tell which rows were taken."""
    features = np.array(points, float)
    learn = Samples(features, 2.0 ** np.arange(len(points)))
    one = fitted("k_nearest", "regression", learn, neighbors=neighbors, weights="uniform")
    native = one.predict(features)
    assert (shown(one, features, "regression") == native).all()
    steps = one.inner.stored.astype(int).tolist()
    count = min(neighbors, len(points))
    distances = [[sum((a - b) ** 2 for a, b in zip(row, other, strict=True)) for other in steps] for row in steps]
    taken = [sorted(range(len(steps)), key=lambda at: (row[at], at))[:count] for row in distances]
    np.testing.assert_allclose(native, learn.target[taken].mean(axis=1))


@given(st.integers(1, 40), st.floats(1e-3, 1e6), st.integers(0, 99))
def test_distances_on_the_grid_are_exact(width, size, seed):
    random = np.random.default_rng(seed)
    stored, new = random.normal(size=(9, width)) * size, random.normal(size=(5, width)) * size * 1e3
    grid = Grid.for_rows(stored)
    rows, steps = grid.steps(new), grid.steps(stored)
    exact = [[sum((int(a) - int(b)) ** 2 for a, b in zip(row, other, strict=True)) for other in steps] for row in rows]
    assert squared_distances(rows, steps).tolist() == exact and max(map(max, exact)) <= 2**53
    assert grid.step <= np.abs(stored).max() * np.sqrt(width) * 1e-6


@pytest.mark.parametrize("kernel", ["rbf", "matern"])
@pytest.mark.parametrize("length_scales", ["one", "each"])
def test_gaussian_process_regression_is_scikit_learns(kernel, length_scales):
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel

    learn, other = samples("regression", count=120), samples("regression", seed=1).features
    one = fitted("gaussian_process", "regression", learn, kernel=kernel, length_scales=length_scales)
    length = np.sqrt(3) if length_scales == "one" else np.full(3, np.sqrt(3))
    shape = RBF(length, (1e-2, 1e3)) if kernel == "rbf" else Matern(length, (1e-2, 1e3), nu=1.5)
    twin = GaussianProcessRegressor(ConstantKernel(1.0, (1e-2, 1e3)) * shape + WhiteKernel(0.1, (1e-4, 10)))
    mean, spread = learn.target.mean(), learn.target.std()
    quietly(twin, learn.features, (learn.target - mean) / spread)
    np.testing.assert_allclose(both(one, other, "regression"), twin.predict(other) * spread + mean, rtol=1e-3)


def test_gaussian_process_classification_is_at_the_latent_mean():
    from sklearn.gaussian_process import GaussianProcessClassifier
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel

    learn, other = samples("binary", count=120), samples("binary", seed=1).features
    native = both(fitted("gaussian_process", "binary", learn), other, "binary")
    kernel = ConstantKernel(1.0, (1e-2, 1e3)) * RBF(np.sqrt(3), (1e-2, 1e3))
    twin = quietly(GaussianProcessClassifier(kernel), learn.features, learn.target)
    latent = twin.base_estimator_.latent_mean_and_variance(other)[0]
    np.testing.assert_allclose(native[:, 1], 1 / (1 + np.exp(-latent)), atol=1e-3)


def test_a_gaussian_process_trusts_heavy_rows_more():
    learn = samples("regression", count=100)
    doubtful = learn.target + np.where(np.arange(100) % 2, 60.0, 0.0)
    weights = np.where(np.arange(100) % 2, 0.02, 1.0)
    one = fitted("gaussian_process", "regression", Samples(learn.features, doubtful, weights))
    plain = fitted("gaussian_process", "regression", Samples(learn.features, doubtful))
    errors = [np.abs(found.predict(learn.features) - learn.target).mean() for found in (one, plain)]
    assert errors[0] < 0.6 * errors[1]


@pytest.mark.parametrize("kind", ["svm", "k_nearest", "gaussian_process"])
def test_models_that_keep_rows_say_so_and_stay_within_their_bound(kind):
    assert catalog.load("models", kind).contains_rows
    one = fitted(kind, "multiclass", max_rows=60)
    assert one.notes["contains_rows"] and one.notes["stored_rows"] <= 62 and one.notes["rows_left_out"] >= 238
    graph = GraphBuilder()
    graph.output("scores", one.compile(graph, graph.matrix_input("features", 3)), NUMBER, ["N", 3])
    assert Scorer(graph.build()).chunk == WIDE_CHUNK, "few rows at a time, as each meets all stored rows"


def test_drawn_rows_keep_rare_classes_and_the_bound_on_cells(monkeypatch):
    target = np.zeros(1000)
    target[:3], target[3] = 1, 2
    rows, notes = bounded_rows(Samples(np.ones((1000, 4)), target), 100, 3, seed=0)
    assert np.bincount(rows.target.astype(int)).tolist() == [99, 2, 1] and notes["rows_left_out"] == 898
    monkeypatch.setattr("modelwright.parts.estimators.bounded_rows.MOST_CELLS", 200)
    assert len(bounded_rows(Samples(np.ones((1000, 4)), target), 100, 0, seed=0)[0].target) == 50


@given(st.lists(st.integers(0, 3), min_size=2, max_size=30), st.integers(2, 6))
def test_every_fold_learns_every_class(codes, folds):
    target = np.array(codes, float)
    part = class_folds(target, folds, seed=0)
    if np.unique(target, return_counts=True)[1].max() > 1:
        for fold in range(folds):
            assert set(target[part != fold]) == set(target)
        assert (part >= 0).any()


def test_the_sigmoid_is_scikit_learns():
    from sklearn.calibration import _sigmoid_calibration

    random = np.random.default_rng(0)
    scores = random.normal(size=500) * 3 + 1
    positive = random.random(500) < 1 / (1 + np.exp(-scores))
    slope, offset = fitted_sigmoid(scores, positive, np.ones(500))
    expected = _sigmoid_calibration(scores, positive.astype(float))
    assert (-slope, -offset) == pytest.approx(expected, rel=1e-3)
    for wild in (scores * 1e9, scores * 0, np.where(positive, 1.0, -1.0)):
        assert np.isfinite(fitted_sigmoid(wild, positive, np.ones(500))).all()


@pytest.mark.parametrize("kind", ["linear_svm", "svm", "sgd", "k_nearest", "gaussian_process", "gaussian_naive_bayes"])
def test_two_rows_of_two_classes_are_enough(kind):
    learn = Samples(np.array([[0.0], [1.0]]), np.array([0.0, 1.0]))
    settings = {"loss": "hinge"} if kind == "sgd" else {}
    native = both(fitted(kind, "binary", learn, **settings), np.array([[0.0], [1.0], [2.0]]), "binary")
    assert np.isfinite(native).all()
