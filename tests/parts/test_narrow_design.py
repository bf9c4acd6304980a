"""Logistic regression on piecewise-linear encoding is scikit-learn's, without the wide matrix."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from modelwright.graph.piecewise import fit_encoding
from modelwright.parts.estimators.narrow_design import design, logistic
from modelwright.parts.samples import Samples

NAMES = ("smooth", "few", "mostly nothing", "constant", "code")


def _features(rows: int = 600) -> np.ndarray:
    random = np.random.default_rng(0)
    mostly = np.where(random.random(rows) < 0.9, 0.0, random.normal(1000, 300, rows))
    columns = [
        random.normal(size=rows),
        random.integers(0, 5, rows),
        mostly,
        np.ones(rows),
        random.integers(0, 4, rows),
    ]
    matrix = np.stack(columns, axis=1).astype(np.float64)
    matrix[random.random(matrix.shape) < 0.05] = np.nan
    return matrix


def test_the_narrow_design_stands_for_the_encoded_matrix() -> None:
    features = _features()
    encoding = fit_encoding(NAMES, [4], features, 16)
    other = np.concatenate([features, [[1e9, -7.0, 5e8, 2.0, 99.0], [np.nan] * 5]])
    encoded, narrow = encoding.apply(other), design(encoding, other)
    random = np.random.default_rng(1)
    coefficients, rows = random.normal(size=(encoded.shape[1], 3)), random.normal(size=(len(encoded), 3))

    assert encoded.shape[1] > 4 * narrow.sparse.nnz / len(other)
    np.testing.assert_allclose(narrow.times(coefficients), encoded @ coefficients, atol=1e-10)
    np.testing.assert_allclose(narrow.transposed_times(rows), encoded.T @ rows, atol=1e-10)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_fit_is_that_of_scikit_learn(classes: int, weighted: bool) -> None:
    features = _features()
    random = np.random.default_rng(2)
    target = random.integers(0, classes, len(features)).astype(np.float64)
    target[features[:, 0] > 0.5] = classes - 1
    weights = random.uniform(0.5, 2, len(features)) if weighted else None
    encoding = fit_encoding(NAMES, [4], features, 16)

    ours = logistic(design(encoding, features), Samples(features, target, weights), 5.0, 1000, 1e-7)
    theirs = LogisticRegression(C=1 / 5.0, max_iter=1000, tol=1e-7)
    theirs.fit(encoding.apply(features), target, sample_weight=weights)

    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-3)
    np.testing.assert_allclose(
        ours.intercept_ - ours.intercept_[0], theirs.intercept_ - theirs.intercept_[0], atol=1e-3
    )


def test_no_numbers_and_nothing_missing_is_a_design_too() -> None:
    codes = np.arange(40.0)[:, None] % 3
    encoding = fit_encoding(["code"], [0], codes, 16)
    coefficients = np.array([[1.0], [2.0], [3.0]])
    np.testing.assert_array_equal(design(encoding, codes).times(coefficients), encoding.apply(codes) @ coefficients)
