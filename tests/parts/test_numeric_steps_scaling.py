"""Steps that move and stretch columns say what scikit-learn says, to 1e-9."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from modelwright.core.errors import DataError, SpecError
from parts.twins import COLUMN, WILD, agree, asked, fitted, floats, names, nullable, step, twin

SCALERS = [
    ("standardize", {}, StandardScaler()),
    ("min_max", {}, MinMaxScaler()),
    ("min_max", {"min": -1, "max": 3, "clip": True}, MinMaxScaler(feature_range=(-1, 3), clip=True)),
    ("robust", {}, RobustScaler()),
    ("robust", {"lower": 0.1, "upper": 0.8}, RobustScaler(quantile_range=(10, 80))),
    ("max_abs", {}, MaxAbsScaler()),
]
every_scaler = pytest.mark.parametrize(("kind", "options", "estimator"), SCALERS)


@every_scaler
@given(learn=COLUMN, rows=COLUMN)
def test_scalers_are_those_of_scikit_learn(kind, options, estimator, learn, rows):
    assume(any(value is not None for value in learn))
    agree(asked(fitted(kind, {"x": learn}, **options), {"x": rows}), twin(estimator, learn, rows))


@every_scaler
@given(learn=WILD, rows=WILD)
def test_scalers_never_answer_nonsense(kind, options, estimator, learn, rows):
    """Missing stays missing, nothing else becomes so; what can't be calculated with is said, with a way out."""
    try:
        features = fitted(kind, {"x": learn}, **options)
    except DataError as error:
        assert "too large" in str(error) and "kind: clip" in str(error)
        return
    some = any(value is not None for value in learn)
    found = asked(features, {"x": learn if some else rows})[:, 0]
    if some:
        np.testing.assert_array_equal(np.isnan(found), np.isnan(floats(learn)))


@pytest.mark.parametrize(("kind", "constant"), [("standardize", 0), ("min_max", 0), ("robust", 0), ("max_abs", 1)])
def test_a_constant_column_and_a_single_row_stay_finite(kind, constant):
    for learn in ([0.1] * 7, [0.1]):
        agree(asked(fitted(kind, {"x": learn}), {"x": learn}), np.full((len(learn), 1), constant))


@pytest.mark.parametrize("kind", ["standardize", "min_max", "robust", "max_abs", "clip", "log1p", "pass_through"])
def test_text_is_refused_by_name(kind):
    options = {"min": 0} if kind == "clip" else {}
    with pytest.raises(SpecError, match='"c" is a category; this step works on numbers'):
        fitted(kind, {"c": ["a", "b"]}, columns=["c"], **options)


@given(COLUMN, st.floats(-50, 0), st.floats(0, 50))
def test_clip_is_numpys(rows, least, greatest):
    agree(asked(fitted("clip", {"x": rows}, min=least), {"x": rows})[:, 0], np.clip(floats(rows), least, None))
    agree(asked(fitted("clip", {"x": rows}, max=greatest), {"x": rows})[:, 0], np.clip(floats(rows), None, greatest))
    both = asked(fitted("clip", {"x": rows}, min=least, max=greatest), {"x": rows})[:, 0]
    agree(both, np.clip(floats(rows), least, greatest))


@given(COLUMN, st.lists(st.none() | st.floats(-2, 1e300) | st.sampled_from([-1.0, 1e-12, -1e-15, 5e-324]), min_size=1))
def test_log1p_is_numpys_and_missing_at_minus_one_and_below(learn, rows):
    found = asked(fitted("log1p", {"x": learn}), {"x": rows})[:, 0]
    with np.errstate(all="ignore"):
        expected = np.log1p(floats(rows))
    expected[np.isinf(expected)] = np.nan
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_pass_through_keeps_numbers_and_says_when_a_column_is_not_there():
    features = fitted("pass_through", {"x": [1.0, None], "y": [3.0, 4.0]}, columns=["y", "x"])
    assert names(features) == ["x", "y"]
    np.testing.assert_array_equal(asked(features, {"x": [1.0, None], "y": [3.0, 4.0]}), [[1, 3], [np.nan, 4]])
    with pytest.raises(SpecError, match='no column "z"'):
        fitted("pass_through", {"x": [1.0]}, columns=["z"])


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("clip", {}, "needs min, max or both"),
        ("clip", {"min": 2, "max": 1}, "not be greater"),
        ("min_max", {"min": 1, "max": 1}, "less than"),
        ("robust", {"lower": 0.9, "upper": 0.1}, "less than"),
    ],
)
def test_bounds_in_the_wrong_order_are_refused(kind, options, message):
    with pytest.raises(ValidationError, match=message):
        step(kind, **options)


@pytest.mark.parametrize("kind", ["standardize", "min_max", "robust", "max_abs", "log1p", "power", "quantile"])
def test_keep_leaves_the_column_beside_the_new_one(kind):
    features = fitted(kind, {"x": [1.0, 2.0, 4.0]}, keep=True)
    assert names(features) == ["x", f"x_{kind}"]
    np.testing.assert_array_equal(asked(features, {"x": [1.0, 2.0, None]})[:, 0], [1, 2, np.nan])


def test_many_columns_at_once_are_each_their_own():
    random = np.random.default_rng(5)
    matrix = random.normal(size=(200, 9)) * np.logspace(-3, 4, 9) + np.arange(9)
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    columns = {f"x{at}": nullable(values) for at, values in enumerate(matrix.T)}
    for kind, options, estimator in SCALERS:
        agree(asked(fitted(kind, columns, **options), columns), estimator.fit(matrix).transform(matrix))
