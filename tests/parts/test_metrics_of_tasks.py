"""Metrics of clusters, components, anomalies and several labels are those of scikit-learn, on weighted rows too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import datasets, metrics

from modelwright.fitting import scoring
from modelwright.parts import catalog
from modelwright.parts.predictions import Predictions

RANDOM = np.random.default_rng(4)
POINTS, LABELS = datasets.make_blobs(300, 4, centers=4, cluster_std=2.5, random_state=1)
LABELS = LABELS.astype(float)
TRUTH = (RANDOM.random((200, 3)) < 0.4).astype(float)
SAID = np.where(RANDOM.random((200, 3)) < 0.2, 1 - TRUTH, TRUTH)
SCORES = np.round(TRUTH[:, 0] + RANDOM.normal(0, 1, 200), 1)  # with ties


def metric(kind: str, **settings: Any) -> Any:
    return catalog.load("metrics", kind).model_validate({"kind": kind, **settings})


def once(kind: str, truth: Any, predicted: Any, weights: Any = None, **settings: Any) -> float:
    given = np.ones(len(truth)) if weights is None else weights
    return float(metric(kind, **settings).score(truth, predicted, given[None, :])[0])


@pytest.mark.parametrize(
    ("kind", "twin"),
    [
        ("silhouette", metrics.silhouette_score),
        ("davies_bouldin", metrics.davies_bouldin_score),
        ("calinski_harabasz", metrics.calinski_harabasz_score),
    ],
)
def test_clusters_are_measured_as_the_twin_does(kind: str, twin: Any) -> None:
    assert once(kind, POINTS, LABELS) == pytest.approx(twin(POINTS, LABELS))
    alone = np.where(np.arange(300) % 10 == 0, -1.0, LABELS)  # rows of no cluster don't count
    inside = alone >= 0
    assert once(kind, POINTS, alone) == pytest.approx(twin(POINTS[inside], LABELS[inside]))
    assert np.isnan(once(kind, POINTS, np.zeros(300)))
    assert np.isnan(once(kind, POINTS, np.full(300, -1.0)))


@pytest.mark.parametrize("kind", ["davies_bouldin", "calinski_harabasz"])
def test_a_row_that_counts_twice_is_as_good_as_two_rows(kind: str) -> None:
    weights = RANDOM.integers(0, 4, 300).astype(float)
    again = np.repeat(np.arange(300), weights.astype(int))
    assert once(kind, POINTS, LABELS, weights) == pytest.approx(once(kind, POINTS[again], LABELS[again]))


def test_the_silhouette_of_many_rows_is_of_the_same_sample_each_time() -> None:
    first, second = (once("silhouette", POINTS, LABELS, rows=100) for _ in range(2))
    assert first == second != once("silhouette", POINTS, LABELS)
    assert first == pytest.approx(metrics.silhouette_score(POINTS, LABELS), abs=0.1)


def test_anomalies_are_ranked_and_called_as_the_twin_says() -> None:
    truth, said = TRUTH[:, 0], SAID[:, 0]
    weights = RANDOM.random(200)
    assert once("precision", truth, said, weights) == pytest.approx(
        metrics.precision_score(truth, said, sample_weight=weights)
    )
    assert once("recall", truth, said, weights) == pytest.approx(
        metrics.recall_score(truth, said, sample_weight=weights)
    )
    assert once("average_precision", truth, SCORES, weights) == pytest.approx(
        metrics.average_precision_score(truth, SCORES, sample_weight=weights)
    )
    assert once("flagged_share", truth, said) == pytest.approx(said.mean())
    assert np.isnan(once("precision", truth, np.zeros(200))) and np.isnan(once("recall", np.zeros(200), said))


def test_several_labels_are_measured_as_the_twin_does() -> None:
    assert once("hamming_loss", TRUTH, SAID) == pytest.approx(metrics.hamming_loss(TRUTH, SAID))
    assert once("subset_accuracy", TRUTH, SAID) == pytest.approx(metrics.accuracy_score(TRUTH, SAID))
    assert once("f1_micro", TRUTH, SAID) == pytest.approx(metrics.f1_score(TRUTH, SAID, average="micro"))
    said = Predictions(TRUTH, label=SAID, probability=0.1 + 0.8 * SAID, targets=("a", "b", "c"))
    macro = scoring.point_score(metric("f1").made_for("multilabel"), said)
    assert macro == pytest.approx(metrics.f1_score(TRUTH, SAID, average="macro"))
    losses = [metrics.log_loss(TRUTH[:, at], 0.1 + 0.8 * SAID[:, at]) for at in range(3)]
    assert scoring.point_score(metric("log_loss"), said) == pytest.approx(np.mean(losses))


def test_of_several_numbers_the_mean_of_each_counts() -> None:
    predicted = TRUTH + RANDOM.normal(0, 0.3, TRUTH.shape)
    said = Predictions(TRUTH, value=predicted, targets=("a", "b", "c"))
    assert scoring.point_score(metric("r2"), said) == pytest.approx(metrics.r2_score(TRUTH, predicted))
    each = [metrics.root_mean_squared_error(TRUTH[:, at], predicted[:, at]) for at in range(3)]
    assert scoring.point_score(metric("rmse"), said) == pytest.approx(np.mean(each))


def test_what_components_keep_is_the_share_of_all_variance() -> None:
    rebuilt = POINTS + RANDOM.normal(0, 1, POINTS.shape)
    errors = ((POINTS - rebuilt) ** 2).sum(axis=1)
    share = metrics.r2_score(POINTS, rebuilt, multioutput="variance_weighted")
    assert once("explained_variance", POINTS, errors) == pytest.approx(share)
    assert once("reconstruction_error", POINTS, errors) == pytest.approx(metrics.mean_squared_error(POINTS, rebuilt))
    weights = RANDOM.integers(0, 3, len(POINTS)).astype(float)
    again = np.repeat(np.arange(len(POINTS)), weights.astype(int))
    assert once("explained_variance", POINTS, errors, weights) == pytest.approx(
        once("explained_variance", POINTS[again], errors[again])
    )
