"""Steps that fill missing values from groups, regressions, a joint distribution or neighbours."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - its import is what enables the next
from sklearn.impute import IterativeImputer, KNNImputer

from modelwright.core.errors import DataError, SpecError
from parts.twins import VALUES, agree, asked, fitted, names, nullable, step, table_of

BY_OTHERS = ["regression_impute", "em_impute", "knn_impute"]
CITIES = st.sampled_from(["Kyiv", "Lviv", "Odesa", None])


def correlated(rows=300, width=5, share=0.15, seed=0):
    """Columns that tell of each other, some values missing, no row without any."""
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(rows, 2)) @ random.normal(size=(2, width)) + 0.3 * random.normal(size=(rows, width))
    lost = matrix * np.linspace(1, 9, width) + np.arange(width)
    lost[random.random(matrix.shape) < share] = np.nan
    lost[np.isnan(lost).all(axis=1), 0] = 1.0
    return lost


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent"])
@given(learn=st.lists(st.tuples(VALUES, CITIES), min_size=1, max_size=25), rows=st.lists(st.tuples(VALUES, CITIES)))
def test_impute_by_group_is_pandas_transform(strategy, learn, rows):
    frame = pd.DataFrame(learn, columns=["x", "city"]).astype({"x": float})
    if frame["x"].isna().all():
        return
    typical = {"mean": pd.Series.mean, "median": pd.Series.median, "most_frequent": lambda x: x.mode().min()}[strategy]
    within = frame.dropna().groupby("city")["x"].agg(typical).to_dict()
    rows = [*rows, *learn, (None, "elsewhere")]
    expected = [within.get(city, typical(frame["x"])) if x is None else x for x, city in rows]
    chain = fitted_then_dropped(strategy, dict(zip(["x", "city"], zip(*learn, strict=True), strict=True)))
    agree(asked(chain, dict(zip(["x", "city"], zip(*rows, strict=True), strict=True)))[:, 0], expected)


def fitted_then_dropped(strategy, learn, by="city", **options):
    """An impute step, and then its groups taken away."""
    import pyarrow as pa

    from modelwright.core.columns import Column, Schema
    from modelwright.fitting.features import fit_features
    from parts.twins import column

    made = {name: column(list(values)) for name, values in learn.items()}
    if "city" in made:
        made["city"] = (pa.array(list(learn["city"]), pa.string()), "category")
    schema = Schema(tuple(Column(name, type_, nullable=True) for name, (_, type_) in made.items()))
    steps = [step("impute", strategy=strategy, by=by, **options), step("drop", columns=by)]
    return fit_features(steps, pa.table({name: array for name, (array, _) in made.items()}), schema, None, 0)


def test_groups_of_several_columns_of_any_type():
    learn = {
        "season": [1.0, 1.0, 2.0, 2.0, None, 2.0],
        "city": ["a", "b", "a", "a", "a", "b"],
        "x": [10.0, 20.0, 30.0, 50.0, 99.0, None],
    }
    features = fitted_then_dropped("mean", learn, by=["city", "season"], columns="x")
    rows = {"season": [1.0, 2.0, 2.0, None, 3.0, -0.0], "city": ["b", "a", "b", "a", "a", "a"], "x": [None] * 6}
    overall = np.mean([10, 20, 30, 50, 99])
    agree(asked(features, rows)[:, 0], [20, 40, overall, overall, overall, overall])


def test_groups_stay_beside_what_they_filled_and_so_do_the_columns_with_keep():
    learn = {"x": [1.0, None, 3.0], "g": [0.0, 0.0, 1.0]}
    assert names(fitted("impute", learn, columns="x", by="g", indicator=True)) == ["x", "x_missing", "g"]
    assert names(fitted("impute", learn, columns="x", by="g", keep=True)) == ["x", "g", "x_impute"]


def test_most_frequent_text_of_a_group():
    from modelwright.parts.groups import by_group, most_frequent, text_codes

    words, codes = text_codes(np.array(["b", "a", "", "b", "c", "a"], object))
    assert words == ["a", "b", "c"] and codes.tolist() == [1, 0, -1, 1, 2, 0]
    groups = np.array([0, 0, 0, 0, 2, -1])
    found = by_group(groups[codes >= 0], codes[codes >= 0], 3, most_frequent, None)
    assert found == [1, None, 2]


def test_too_many_groups_are_said(monkeypatch):
    from modelwright.parts import groups

    monkeypatch.setattr(groups, "MOST_GROUPS", 3)
    with pytest.raises(DataError, match="by: g makes 4 groups; at most 3"):
        fitted("impute", {"x": [1.0, None, 2.0, 3.0], "g": [1.0, 2.0, 3.0, 4.0]}, columns="x", by="g")


def test_by_has_no_use_with_a_constant():
    with pytest.raises(ValidationError, match="`by` has no use"):
        step("impute", strategy="constant", value=1, by="g")


@pytest.mark.parametrize("rounds", [1, 3])
def test_regression_impute_is_scikit_learns_iterative_imputer(rounds):
    learn, rows = correlated(), correlated(150, seed=3) * 1.5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        imputer = IterativeImputer(
            max_iter=rounds, skip_complete=True, min_value=np.nanmin(learn, 0), max_value=np.nanmax(learn, 0)
        ).fit(learn)
    agree(asked(fitted("regression_impute", table_of(learn), rounds=rounds), table_of(rows)), imputer.transform(rows))


@given(st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=2, max_size=15))
def test_imputers_leave_no_gap_and_change_nothing_else(rows):
    matrix = np.array(rows, float)
    for kind in BY_OTHERS:
        if np.isnan(matrix).all(axis=0).any():
            with pytest.raises(DataError, match=rf"{kind}\W+every value of"):
                fitted(kind, table_of(matrix))
            continue
        found = asked(fitted(kind, table_of(matrix)), table_of(matrix))
        assert np.isfinite(found).all()
        known = ~np.isnan(matrix)
        np.testing.assert_array_equal(found[known], matrix[known])


@pytest.mark.parametrize("kind", BY_OTHERS)
def test_imputers_are_better_than_means_and_flag_what_they_filled(kind):
    whole = correlated(share=0)
    lost = whole.copy()
    gaps = np.random.default_rng(9).random(whole.shape) < 0.2
    gaps[:, 4] = False
    lost[gaps] = np.nan
    features = fitted(kind, table_of(lost), indicator=True)
    assert names(features)[5:] == [f"x{at}_missing" for at in range(4)]
    found = asked(features, table_of(lost))
    np.testing.assert_array_equal(found[:, 5:], gaps[:, :4])
    scale = whole.std(axis=0)
    error = (((found[:, :5] - whole) / scale)[gaps] ** 2).mean()
    blind = (((np.nanmean(lost, axis=0) - whole) / scale)[gaps] ** 2).mean()
    assert error < 0.55 * blind


@pytest.mark.parametrize("kind", BY_OTHERS)
def test_imputers_of_one_column_or_one_row_fill_what_they_can(kind):
    agree(asked(fitted(kind, {"x": [1.0, None, 5.0]}), {"x": [None, 2.0]})[:, 0], [3, 2])
    agree(asked(fitted(kind, {"x": [1.0], "y": [2.0]}), {"x": [None, 7.0], "y": [None, None]}), [[1, 2], [7, 2]])


@pytest.mark.parametrize("kind", BY_OTHERS)
def test_imputers_are_fitted_on_a_drawn_sample_of_much(kind, monkeypatch):
    import importlib

    module = importlib.import_module(f"modelwright.parts.features.{kind}")
    if hasattr(module, "SAMPLE_ROWS"):
        monkeypatch.setattr(module, "SAMPLE_ROWS", 60)
    options = {"donors": 60} if kind == "knn_impute" else {}
    learn = table_of(correlated())
    found = [asked(fitted(kind, learn, seed=seed, **options), learn) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.integers(1, 9), st.floats(0.05, 0.6))
def test_em_impute_is_the_conditional_mean(seed, width, share):
    learn, rows = correlated(120, width, 0.1, seed), correlated(40, width, share, seed + 1)
    features = fitted("em_impute", table_of(learn))
    expected = rows.copy()
    mean, covariance = estimate(learn)
    for row in expected:
        lost = np.isnan(row)
        weights = np.linalg.solve(covariance[np.ix_(~lost, ~lost)], covariance[np.ix_(~lost, lost)])
        row[lost] = mean[lost] + (row[~lost] - mean[~lost]) @ weights
    agree(asked(features, table_of(rows)), expected)


def estimate(learn):
    """Mean and covariance as the step estimates them."""
    from modelwright.parts.features.em_impute import _estimated

    centre, unit = np.nanmean(learn, axis=0), np.nanstd(learn, axis=0)
    mean, covariance = _estimated((learn - centre) / unit, 50)
    return centre + mean * unit, covariance * np.outer(unit, unit)


def test_em_finds_the_distribution_that_made_the_rows():
    random = np.random.default_rng(4)
    truth = np.array([[2.0, 1.2, 0.0], [1.2, 1.5, -0.6], [0.0, -0.6, 1.0]])
    rows = random.multivariate_normal([1, -2, 3], truth, size=5000)
    lost = rows.copy()
    lost[:, 1][rows[:, 0] > 1.5] = np.nan  # more often where x0 is large: means of what is left are off
    lost[random.random(5000) < 0.2, 2] = np.nan
    mean, covariance = estimate(lost)
    assert abs(np.nanmean(lost[:, 1]) + 2) > 0.2
    np.testing.assert_allclose(mean, [1, -2, 3], atol=0.08)
    np.testing.assert_allclose(covariance, truth, atol=0.12)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("neighbors", [1, 5, 100])
@settings(max_examples=8)
@given(st.integers(0, 10_000), st.floats(0.02, 0.6))
def test_knn_impute_is_scikit_learns(weights, neighbors, seed, share):
    learn, rows = correlated(40, 4, share, seed), correlated(30, 4, share, seed + 1)
    if np.isnan(learn).all(axis=0).any():
        return
    imputer = KNNImputer(n_neighbors=neighbors, weights=weights).fit(learn)
    features = fitted("knn_impute", table_of(learn), neighbors=neighbors, weights=weights)
    agree(asked(features, table_of(rows)), imputer.transform(rows))


def test_knn_impute_of_a_row_that_is_a_donor_takes_that_donor():
    learn = {"x": [1.0, 2.0, 1e6], "y": [10.0, 20.0, 30.0]}
    features = fitted("knn_impute", learn, weights="distance")
    agree(asked(features, {"x": [1.0, 1e6], "y": [None, None]})[:, 1], [10, 30])


def test_knn_impute_says_that_it_contains_rows():
    assert step("knn_impute").contains_rows
    assert "contains rows" in type(step("knn_impute")).__doc__


@pytest.mark.parametrize("kind", BY_OTHERS)
def test_imputers_of_text_say_so(kind):
    with pytest.raises(SpecError, match='"c" is a category'):
        fitted(kind, {"c": ["a", "b"], "x": nullable([1.0, 2.0])}, columns="all")


@pytest.mark.parametrize("kind", ["impute", *BY_OTHERS])
def test_imputers_say_which_columns_may_be_missing(kind):
    assert step(kind, columns=["x"]).fills() == ["x"]
    assert step("impute", columns="numeric", by="city").fills() == "numeric"
    assert step("standardize").fills() is None
