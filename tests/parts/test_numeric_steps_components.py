"""pca and svd of a block say what scikit-learn says, signs included."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.decomposition import PCA, TruncatedSVD

from modelwright.core.errors import DataError, SpecError
from parts.twins import agree, asked, fitted, names, step, table_of


def block(seed, rows=60, width=6):
    """Columns whose main directions differ enough to be told apart."""
    random = np.random.default_rng(seed)
    directions = np.linalg.qr(random.normal(size=(width, width)))[0]
    return random.normal(size=(rows, width)) * 2.0 ** -np.arange(width) @ directions.T + random.normal(size=width)


@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize("components", [1, 3, 6, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("seed", [1, 22, 333])
def test_pca_is_scikit_learns(components, whiten, seed):
    learn, rows = block(seed), block(seed + 1, 20)
    features = fitted("pca", table_of(learn), components=components, whiten=whiten)
    expected = PCA(components, whiten=whiten, svd_solver="covariance_eigh").fit(learn).transform(rows)
    assert names(features) == [f"pca_{at + 1}" for at in range(expected.shape[1])]
    agree(asked(features, table_of(rows)), expected)


@pytest.mark.parametrize("components", [1, 4])
@pytest.mark.parametrize("seed", [1, 22, 333])
def test_svd_is_scikit_learns(components, seed):
    learn, rows = block(seed), block(seed + 1, 20)
    expected = TruncatedSVD(components, algorithm="arpack").fit(learn).transform(rows)
    agree(asked(fitted("svd", table_of(learn), components=components), table_of(rows)), expected)


def test_rows_are_taken_piece_by_piece():
    """More rows than a piece has give what they give at once."""
    learn = block(2, 150_000, 3)
    features = fitted("pca", table_of(learn), components=2)
    agree(asked(features, table_of(learn[:50])), PCA(2, svd_solver="full").fit(learn).transform(learn[:50]))


@pytest.mark.parametrize("kind", ["pca", "svd"])
def test_columns_that_add_up_and_constants_do_no_harm(kind):
    learn = block(3, 30, 2)
    learn = np.column_stack([learn, learn.sum(axis=1), np.full(30, 4.0)])
    found = asked(fitted(kind, table_of(learn), components=4), table_of(learn))
    assert np.isfinite(found).all()
    assert np.abs(found[:, 3]).max() < 1e-6


def test_whitened_constants_stay_finite():
    learn = {"x": [1.0, 1.0], "y": [2.0, 2.0]}
    np.testing.assert_array_equal(asked(fitted("pca", learn, components=0.9, whiten=True), learn), [[0.0], [0.0]])


@pytest.mark.parametrize("kind", ["pca", "svd"])
def test_missing_values_are_refused_at_fit_and_stay_missing_after(kind):
    with pytest.raises(SpecError, match=r'"y" has missing values on learn') as refused:
        fitted(kind, {"x": [1.0, 2.0, 3.0], "y": [1.0, None, 5.0]}, components=1)
    assert "kind: impute" in str(refused.value)
    found = asked(fitted(kind, {"x": [1.0, 2.0], "y": [1.0, 5.0]}, components=2), {"x": [1.0, 2.0], "y": [None, 3.0]})
    assert np.isnan(found[0]).all() and not np.isnan(found[1]).any()


@pytest.mark.parametrize("kind", ["pca", "svd"])
def test_more_components_than_columns_or_rows_are_refused(kind):
    with pytest.raises(SpecError, match="3 components of 2 columns and 4 rows"):
        fitted(kind, {"x": [1.0, 2.0, 3.0, 5.0], "y": [1.0, 0.0, 5.0, 6.0]}, components=3)


def test_pca_of_one_row_is_refused():
    with pytest.raises(DataError, match="one row"):
        fitted("pca", {"x": [1.0]}, components=1)


@pytest.mark.parametrize("kind", ["pca", "svd"])
def test_numbers_too_large_are_refused_with_the_way_out(kind):
    with pytest.raises(DataError, match="too large"):
        fitted(kind, {"x": [1e200, 2.0], "y": [1.0, 3.0]}, components=1)


def test_new_columns_have_the_name_given_and_old_ones_stay_with_keep():
    features = fitted("pca", table_of(block(1, 10, 2)), components=2, name="sensor", keep=True)
    assert names(features) == ["x0", "x1", "sensor_1", "sensor_2"]


@pytest.mark.parametrize("components", [0, 1.5, -0.2, "all"])
def test_components_are_a_count_or_a_share(components):
    with pytest.raises(ValidationError):
        step("pca", components=components)
