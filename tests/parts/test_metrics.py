"""Metrics agree with scikit-learn, for one weighting and for many at once."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from modelwright.parts import catalog

RANDOM = np.random.default_rng(0)
N = 500
BINARY = RANDOM.integers(0, 2, N).astype(float)
MANY = RANDOM.integers(0, 4, N).astype(float)
VALUES = RANDOM.normal(50, 10, N)
GUESSED = VALUES + RANDOM.normal(0, 4, N)
WEIGHTS = np.vstack([np.ones(N), RANDOM.integers(0, 4, N), RANDOM.random(N)])


def probabilities(classes: int) -> np.ndarray:
    raw = np.round(RANDOM.random((N, classes)), 1) + 0.05  # rounded: ties are common
    return raw / raw.sum(axis=1, keepdims=True)


TWO, FOUR = probabilities(2), probabilities(4)
GUESS = RANDOM.integers(0, 2, N).astype(float)
GUESS_MANY = RANDOM.integers(0, 4, N).astype(float)

TWINS = {
    "accuracy": (BINARY, GUESS, lambda w: reference.accuracy_score(BINARY, GUESS, sample_weight=w)),
    "roc_auc": (BINARY, TWO, lambda w: reference.roc_auc_score(BINARY, TWO[:, 1], sample_weight=w)),
    "log_loss": (MANY, FOUR, lambda w: reference.log_loss(MANY, FOUR, sample_weight=w)),
    "f1": (BINARY, GUESS, lambda w: reference.f1_score(BINARY, GUESS, sample_weight=w)),
    "rmse": (VALUES, GUESSED, lambda w: reference.root_mean_squared_error(VALUES, GUESSED, sample_weight=w)),
    "mae": (VALUES, GUESSED, lambda w: reference.mean_absolute_error(VALUES, GUESSED, sample_weight=w)),
    "r2": (VALUES, GUESSED, lambda w: reference.r2_score(VALUES, GUESSED, sample_weight=w)),
}


ELSEWHERE = {  # compared with their twins where their tasks are tested
    "parts/test_metrics_of_tasks.py": {
        *("silhouette", "davies_bouldin", "calinski_harabasz", "explained_variance", "reconstruction_error"),
        *("precision", "recall", "average_precision", "flagged_share"),
        *("hamming_loss", "subset_accuracy", "f1_micro"),
    },
    "fitting/test_quantiles.py": {"pinball", "coverage", "coverage_error"},
    "fitting/test_ranks.py": {"quadratic_kappa", "rank_mae"},
}


def test_every_metric_has_a_twin():
    assert set(TWINS).union(*ELSEWHERE.values()) == set(catalog.builtin_kinds("metrics"))
    for name, kinds in ELSEWHERE.items():
        text = (Path(__file__).parents[1] / name).read_text("utf-8")
        assert {kind for kind in kinds if f'"{kind}"' not in text} == set()


@pytest.mark.parametrize("kind", sorted(TWINS))
def test_metric_equals_its_scikit_learn_twin_for_every_weighting(kind):
    truth, predicted, twin = TWINS[kind]
    found = catalog.load("metrics", kind)().score(truth, predicted, WEIGHTS)
    assert found == pytest.approx([twin(weights) for weights in WEIGHTS], abs=1e-12)


def test_macro_f1_and_one_against_rest_auc_of_several_classes():
    ones = np.ones((1, N))
    macro = catalog.load("metrics", "f1")().made_for("multiclass")
    f1 = macro.score(MANY, GUESS_MANY, ones)
    assert f1[0] == pytest.approx(reference.f1_score(MANY, GUESS_MANY, average="macro"))
    auc = catalog.load("metrics", "roc_auc")().score(MANY, FOUR, ones)
    assert auc[0] == pytest.approx(reference.roc_auc_score(MANY, FOUR, multi_class="ovr"))


def test_macro_f1_of_rows_that_hold_two_of_three_classes_is_still_the_mean_over_classes():
    """The rows of a slice may lack a class; that does not make one of the others the positive one."""
    few = MANY < 2
    truth, guess = MANY[few], np.minimum(GUESS_MANY[few], 1)
    found = catalog.load("metrics", "f1")().made_for("multiclass").score(truth, guess, np.ones((1, len(truth))))
    assert found[0] == pytest.approx(reference.f1_score(truth, guess, average="macro"))


def test_auc_is_undefined_without_one_of_the_classes():
    assert np.isnan(
        catalog.load("metrics", "roc_auc")().score(np.zeros(5), np.full((5, 2), 0.5), np.ones((1, 5)))
    ).all()


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=30, unique=True))
def test_r2_of_the_truth_is_one_and_of_its_mean_is_zero(values):
    truth, ones = np.array(values), np.ones((1, len(values)))
    metric = catalog.load("metrics", "r2")()
    if truth.std() < 1e-3 * max(abs(truth).max(), 1):
        return
    assert metric.score(truth, truth, ones)[0] == pytest.approx(1)
    assert metric.score(truth, np.full_like(truth, truth.mean()), ones)[0] == pytest.approx(0, abs=1e-6)
