"""Models of tasks without a target: the graph says what the model says, which is what scikit-learn's twin says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import cluster, covariance, datasets, decomposition, ensemble, mixture
from sklearn.metrics import adjusted_rand_score

from modelwright.core.errors import DataError
from modelwright.fitting.fit import fit_model
from modelwright.graph.builder import NUMBER, GraphBuilder
from modelwright.graph.parity import BATCH_SIZES, difference
from modelwright.graph.running import Scorer
from modelwright.parts import catalog
from modelwright.parts.samples import Feature, FitContext, Samples

TASKS = ("clustering", "dimension_reduction", "anomaly")
KINDS = [
    (task, kind)
    for kind in catalog.builtin_kinds("models")
    for task in TASKS
    if task in catalog.load("models", kind).tasks
]
SETTINGS: dict[str, dict[str, Any]] = {
    "dbscan": {"radius": 2.2},
    "hdbscan": {"min_cluster_rows": 5},
    "nmf": {"rounds": 50},
}
every_model = pytest.mark.parametrize(("task", "kind"), KINDS, ids=[kind for _, kind in KINDS])


def samples(rows: Any) -> Samples:
    return Samples(np.asarray(rows, np.float64), np.empty((len(rows), 0)))


def context(task: str, width: int) -> FitContext:
    return FitContext(task, 0, tuple(Feature(f"x{at}") for at in range(width)), "", 3, 1)


def fitted(task: str, kind: str, table: Any, **settings: Any) -> Any:
    model = catalog.load("models", kind).model_validate({"kind": kind, **SETTINGS.get(kind, {}), **settings})
    return fit_model(model, samples(table), None, context(task, table.shape[1]))


def graph_of(model: Any, width: int) -> Scorer:
    graph = GraphBuilder()
    scores = model.compile(graph, graph.matrix_input("features", width))
    shape = model.predict(np.zeros((1, width))).shape
    graph.output("scores", scores, NUMBER, ["N", *shape[1:]])
    return Scorer(graph.build())


@pytest.fixture(scope="module")
def wine() -> Any:
    return datasets.load_wine().data


@pytest.fixture(scope="module")
def standardized(wine: Any) -> Any:
    return (wine - wine.mean(axis=0)) / wine.std(axis=0)


@every_model
def test_the_graph_says_what_the_model_says_in_any_batch(task: str, kind: str, wine: Any) -> None:
    model = fitted(task, kind, wine[::2])
    random = np.random.default_rng(0)
    rows = np.concatenate(
        [wine, np.abs(wine * random.normal(1, 1, wine.shape)), np.zeros((3, wine.shape[1])), 1e6 * wine[:9]]
    )
    rows[random.random(rows.shape) < 0.02] = np.nan
    scorer, native = graph_of(model, wine.shape[1]), model.predict(rows)
    whole = scorer.run({"features": rows})["scores"]
    assert difference(native, whole) <= 1e-9 * (1 + np.abs(native).max())
    if task == "clustering":
        assert (native[:, 0] == whole[:, 0]).all()
    for size in BATCH_SIZES:
        parts = [scorer.run({"features": rows[at : at + size]})["scores"] for at in range(0, len(rows), size)]
        assert difference(np.concatenate(parts), whole) == 0.0, size
    assert difference(scorer.run({"features": rows[:0]})["scores"], whole[:0]) == 0.0


@every_model
def test_the_same_rows_and_seed_give_the_same_model(task: str, kind: str, wine: Any) -> None:
    first, second = (fitted(task, kind, wine[:120]).predict(wine) for _ in range(2))
    assert (first == second).all()


@pytest.mark.parametrize("kind", ["k_means", "mini_batch_k_means", "gaussian_mixture", "hdbscan", "dbscan"])
def test_clusters_are_those_that_the_twin_finds(kind: str, wine: Any, standardized: Any) -> None:
    twins = {
        "k_means": (lambda: cluster.KMeans(3, n_init=10, random_state=3), {"clusters": 3}),
        "mini_batch_k_means": (lambda: cluster.MiniBatchKMeans(3, n_init=3, random_state=3), {"clusters": 3}),
        "gaussian_mixture": (lambda: mixture.GaussianMixture(3, n_init=3, random_state=3), {"clusters": 3}),
        "hdbscan": (lambda: cluster.HDBSCAN(min_cluster_size=10, copy=True), {"min_cluster_rows": 10}),
        "dbscan": (lambda: cluster.DBSCAN(eps=2.2), {}),
    }
    twin, settings = twins[kind]
    labels = twin().fit_predict(standardized)
    found = fitted("clustering", kind, wine, **settings).predict(wine)[:, 0]
    if kind in (
        "dbscan",
        "hdbscan",
    ):  # of rows that the twin gives to a cluster; on the border the nearest core decides
        inside = labels >= 0
        assert inside.sum() > 50
        assert adjusted_rand_score(labels[inside], found[inside]) > 0.95
    else:
        assert adjusted_rand_score(labels, found) == pytest.approx(1.0)


def test_dbscan_says_of_the_rows_it_was_fitted_on_what_its_twin_says(wine: Any, standardized: Any) -> None:
    twin = cluster.DBSCAN(eps=2.2).fit(standardized)
    found = fitted("clustering", "dbscan", wine).predict(wine)
    assert (found[twin.core_sample_indices_, 0] == twin.labels_[twin.core_sample_indices_]).all()
    assert ((found[:, 0] < 0) == (twin.labels_ < 0)).all()
    assert (found[:, 1:].min(axis=1) <= 2.2 + 1e-6).tolist() == (found[:, 0] >= 0).tolist()


def test_components_are_those_of_the_twins(wine: Any, standardized: Any) -> None:
    twin = decomposition.PCA(3).fit(standardized)
    found = fitted("dimension_reduction", "pca", wine, components=3).predict(wine)
    assert np.abs(np.abs(found[:, 1:]) - np.abs(twin.transform(standardized))).max() < 1e-9
    rebuilt = twin.inverse_transform(twin.transform(standardized))
    assert np.abs(found[:, 0] - ((standardized - rebuilt) ** 2).sum(axis=1)).max() < 1e-9
    plain = decomposition.TruncatedSVD(2, algorithm="arpack").fit(wine)
    found = fitted("dimension_reduction", "truncated_svd", wine, components=2).predict(wine)
    assert np.abs(np.abs(found[:, 1:]) - np.abs(plain.transform(wine))).max() < 1e-7


def test_as_many_components_are_kept_as_hold_the_share_that_was_asked_for(wine: Any, standardized: Any) -> None:
    kept = decomposition.PCA(0.9).fit(standardized).n_components_
    assert fitted("dimension_reduction", "pca", wine, components=0.9).notes["components"] == kept


def test_parts_leave_about_as_little_unsaid_as_those_of_the_twin() -> None:
    pixels = datasets.load_digits().data[:400]
    twin = decomposition.NMF(8, init="nndsvda", max_iter=500).fit(pixels)
    unsaid = ((pixels - twin.transform(pixels) @ twin.components_) ** 2).sum()
    assert (
        fitted("dimension_reduction", "nmf", pixels, components=8, rounds=200).predict(pixels)[:, 0].sum()
        < 1.02 * unsaid
    )


def test_strangeness_is_that_of_the_twins(wine: Any, standardized: Any) -> None:
    forest = ensemble.IsolationForest(n_estimators=200, max_samples=128, random_state=3).fit(wine.astype(np.float32))
    found = fitted("anomaly", "isolation_forest", wine, rows=128).predict(wine)
    assert np.abs(found + forest.score_samples(wine.astype(np.float32))).max() < 1e-12
    twin = covariance.MinCovDet(random_state=3).fit(standardized)
    found = fitted("anomaly", "robust_covariance", wine).predict(wine)
    assert np.abs(found**2 - twin.mahalanobis(standardized)).max() < 1e-6


@pytest.mark.parametrize("kind", ["isolation_forest", "robust_covariance", "pca_reconstruction"])
def test_rows_that_are_made_strange_are_found(kind: str) -> None:
    random = np.random.default_rng(1)
    common = random.normal(size=(400, 2)) @ random.normal(size=(2, 6)) + 0.1 * random.normal(size=(400, 6))
    strange = common[:20] + 2 * random.normal(size=(20, 6))
    rows = np.concatenate([common, strange])
    scores = fitted("anomaly", kind, rows).predict(rows)
    assert np.mean(scores[400:] > np.quantile(scores[:400], 0.95)) >= (0.5 if kind == "isolation_forest" else 0.9)


@pytest.mark.parametrize(
    ("task", "kind", "settings", "said"),
    [
        ("clustering", "k_means", {"clusters": 50}, "50 clusters of 40 rows"),
        ("clustering", "gaussian_mixture", {"clusters": 41}, "41 clusters of 40 rows"),
        ("clustering", "mini_batch_k_means", {"clusters": 41}, "41 clusters of 40 rows"),
        ("clustering", "dbscan", {"radius": 1e-6}, "dbscan found no cluster among 40 rows"),
        ("clustering", "hdbscan", {"min_cluster_rows": 30, "neighbors": 30}, "hdbscan found no cluster"),
        ("clustering", "hdbscan", {"min_cluster_rows": 60}, "60 rows make a cluster, and there are 40"),
        ("dimension_reduction", "pca", {"components": 20}, "20 components of 13 features"),
        ("dimension_reduction", "truncated_svd", {"components": 20}, "20 components of 13 features"),
        ("dimension_reduction", "nmf", {"components": 20}, "20 components of 13 features"),
        ("anomaly", "pca_reconstruction", {"components": 13}, "13 components say all that there is"),
    ],
)
def test_what_can_not_be_done_is_one_line(task: str, kind: str, settings: dict[str, Any], said: str, wine: Any) -> None:
    with pytest.raises(DataError, match=said) as told:
        fitted(task, kind, wine[:40], **settings)
    assert len(told.value.problems) == 1 and told.value.problems[0].hint


def test_negative_values_are_refused_by_name_where_nothing_may_be_subtracted(wine: Any) -> None:
    rows = wine.copy()
    rows[3, 5] = -1
    with pytest.raises(DataError, match="nmf: negative values in the features x5"):
        fitted("dimension_reduction", "nmf", rows)


def test_constant_columns_and_repeated_rows_do_no_harm() -> None:
    random = np.random.default_rng(2)
    rows = np.repeat(random.normal(size=(60, 3)), 3, axis=0)
    rows = np.column_stack([rows, np.full(len(rows), 7.0), rows[:, 0]])
    for task, kind in KINDS:
        settings = {"clusters": 3} if "clusters" in catalog.load("models", kind).model_fields else {}
        given = np.abs(rows) if kind == "nmf" else rows
        assert np.isfinite(fitted(task, kind, given, **settings).predict(given)).all(), kind
