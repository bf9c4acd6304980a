"""Steps that bend or cut columns say what scikit-learn says, to 1e-9."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats
from sklearn.preprocessing import (
    KBinsDiscretizer,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
)

from modelwright.core.errors import DataError, SpecError
from parts.twins import (
    COLUMN,
    KNOWN,
    VALUES,
    WILD,
    agree,
    asked,
    fitted,
    floats,
    names,
    nullable,
    step,
    table_of,
    twin,
)

FULL = st.lists(KNOWN, min_size=2, max_size=30)


@pytest.mark.parametrize("output", ["uniform", "normal"])
@pytest.mark.parametrize("quantiles", [2, 7, 1000])
@settings(max_examples=10)
@given(learn=COLUMN, rows=COLUMN)
def test_quantile_is_scikit_learns_with_ties(output, quantiles, learn, rows):
    rows = rows + learn[:10]
    found = asked(fitted("quantile", {"x": learn}, output=output, quantiles=quantiles), {"x": rows})
    if all(value is None for value in learn):
        assert np.isnan(found).all()
        return
    estimator = QuantileTransformer(n_quantiles=quantiles, output_distribution=output, subsample=None)
    agree(found, twin(estimator, learn, rows))


def test_quantile_of_many_columns_and_rows():
    random = np.random.default_rng(1)
    learn = np.column_stack([random.normal(size=3000), np.round(random.exponential(size=3000), 1), random.random(3000)])
    learn[random.random(learn.shape) < 0.05] = np.nan
    learn[:, 2] = np.where(random.random(3000) < 0.4, 0.0, learn[:, 2])
    rows = np.vstack([learn[:100], learn[:100] * 1.7 - 0.3])
    for output in ("uniform", "normal"):
        estimator = QuantileTransformer(output_distribution=output, subsample=None).fit(learn)
        features = fitted("quantile", table_of(learn), output=output)
        agree(asked(features, table_of(rows)), estimator.transform(rows))


@pytest.mark.parametrize("standardize", [True, False])
@given(learn=st.lists(VALUES, min_size=3, max_size=30), rows=COLUMN)
def test_yeo_johnson_is_scikit_learns(standardize, learn, rows):
    known = floats(learn)[~np.isnan(floats(learn))]
    assume(len(np.unique(known)) > 2)  # of two values, every lambda is as good
    features = fitted("power", {"x": learn}, standardize=standardize)
    expected = twin(PowerTransformer(standardize=standardize), learn, rows)
    expected[np.isinf(expected)] = np.nan
    assume(np.abs(np.nan_to_num(expected)).max() < 1e6)
    agree(asked(features, {"x": rows}), expected)


@given(st.lists(st.none() | st.floats(0.01, 100).map(lambda value: round(value, 2)), min_size=3, max_size=30), COLUMN)
def test_box_cox_is_scikit_learns_and_missing_where_it_is_not_defined(learn, rows):
    known = floats(learn)[~np.isnan(floats(learn))]
    assume(len(np.unique(known)) > 2)
    positive = [value if value is not None and value > 0 else None for value in rows]
    expected = twin(PowerTransformer(method="box-cox"), learn, positive + learn[:5])
    assume(np.abs(np.nan_to_num(expected)).max() < 1e6)
    features = fitted("power", {"x": learn}, method="box_cox")
    agree(asked(features, {"x": rows + learn[:5]}), expected)


@pytest.mark.parametrize("power", [0.0, 1e-17, 1.0, 2.0, 2.0 - 1e-12, -3.0, 0.3])
def test_powers_of_any_lambda_are_scipys(power):
    """Near 0 and 2 the curve becomes a logarithm; tiny values must not be lost in 1 + x."""
    from modelwright.graph.builder import NUMBER, GraphBuilder
    from modelwright.graph.running import Scorer
    from modelwright.parts.features.power import _yeo_johnson

    values = np.concatenate([[0.0, -0.0, 1e-18, -1e-18, 1e-9, -1e-9, 1e-3], np.linspace(-20, 20, 41)])
    graph = GraphBuilder()
    made = _yeo_johnson(graph, graph.matrix_input("x", 1), np.array([power]))
    graph.output("y", made, NUMBER, ["N", 1])
    found = Scorer(graph.build()).run({"x": values[:, None]})["y"][:, 0]
    np.testing.assert_allclose(found, stats.yeojohnson(values, power), rtol=1e-11, atol=0)


@given(WILD, WILD)
def test_power_never_answers_infinity(learn, rows):
    try:
        features = fitted("power", {"x": learn})
    except DataError as error:
        assert "too large" in str(error)
        return
    assert not np.isinf(asked(features, {"x": rows + learn})).any()


def test_power_of_constant_and_missing_columns():
    learn = {"c": [3.0] * 4, "m": [None] * 4, "x": [1.0, 2.0, 4.0, 9.0]}
    found = asked(fitted("power", learn), learn)
    np.testing.assert_array_equal(found[:, 0], 0)
    assert np.isnan(found[:, 1]).all()


def test_box_cox_of_zero_is_refused_with_the_way_out():
    with pytest.raises(DataError, match="yeo_johnson"):
        fitted("power", {"x": [0.0, 1.0, 2.0]}, method="box_cox")


@pytest.mark.parametrize(("strategy", "name"), [("equal_width", "uniform"), ("quantile", "quantile")])
@pytest.mark.parametrize("bins", [2, 5])
@settings(max_examples=10)
@given(learn=FULL, rows=st.lists(KNOWN, min_size=1))
def test_bins_are_scikit_learns(strategy, name, bins, learn, rows):
    rows = rows + learn
    for output, encode in (("ordinal", "ordinal"), ("one_hot", "onehot-dense")):
        estimator = KBinsDiscretizer(n_bins=bins, strategy=name, encode=encode, subsample=None)
        features = fitted("bin", {"x": learn}, strategy=strategy, bins=bins, output=output)
        expected = twin(estimator, learn, rows)
        np.testing.assert_array_equal(asked(features, {"x": rows}), expected)


@given(COLUMN, st.lists(st.floats(-50, 50), min_size=1, max_size=9, unique=True).map(sorted))
def test_bins_between_edges_are_numpys(rows, edges):
    found = asked(fitted("bin", {"x": rows}, strategy="edges", edges=edges), {"x": [*rows, *edges]})[:, 0]
    values = floats([*rows, *edges])
    np.testing.assert_array_equal(found, np.where(np.isnan(values), np.nan, np.digitize(values, edges)))


def test_bins_flag_missing_and_name_their_columns():
    features = fitted("bin", {"x": [1.0, 2.0, 3.0, None], "y": [5.0] * 4}, bins=2, output="one_hot")
    assert names(features) == ["x_bin_0", "x_bin_1", "y_bin_0", "x_missing"]
    found = asked(features, {"x": [None, 99.0, -99.0], "y": [1.0, None, 5.0]})
    np.testing.assert_array_equal(found, [[0, 0, 1, 1], [0, 1, 0, 0], [1, 0, 1, 0]])


@pytest.mark.parametrize(
    "options", [{"strategy": "edges"}, {"edges": [1.0]}, {"strategy": "edges", "edges": [2.0, 1.0]}]
)
def test_edges_come_with_their_strategy_and_ascend(options):
    with pytest.raises(ValidationError, match="edges"):
        step("bin", **options)


@pytest.mark.parametrize(("degree", "interaction_only"), [(2, False), (3, False), (2, True), (3, True)])
@settings(max_examples=10)
@given(rows=st.lists(st.tuples(KNOWN, KNOWN, KNOWN), min_size=1, max_size=10))
def test_polynomial_is_scikit_learns_in_its_order(degree, interaction_only, rows):
    matrix = np.array(rows)
    twin_ = PolynomialFeatures(degree, interaction_only=interaction_only, include_bias=False).fit(matrix)
    features = fitted("polynomial", table_of(matrix), degree=degree, interaction_only=interaction_only)
    assert names(features) == [name.replace(" ", "*") for name in twin_.get_feature_names_out(["x0", "x1", "x2"])]
    agree(asked(features, table_of(matrix)), twin_.transform(matrix))


def test_polynomial_terms_miss_where_a_factor_does_or_they_are_too_large():
    features = fitted("polynomial", {"x": [1.0, 2.0], "y": [3.0, 4.0]}, keep=True)
    assert names(features) == ["x", "y", "x^2", "x*y", "y^2"]
    found = asked(features, {"x": [None, 1e200], "y": [2.0, 3.0]})
    np.testing.assert_array_equal(found, [[np.nan, 2, np.nan, np.nan, 4], [1e200, 3, np.nan, 3e200, 9]])


def test_polynomial_of_one_column_has_its_powers_only():
    assert names(fitted("polynomial", {"x": [1.0, 2.0]}, degree=3)) == ["x", "x^2", "x^3"]
    assert names(fitted("polynomial", {"x": [1.0, 2.0]}, degree=3, interaction_only=True)) == ["x"]


def test_polynomial_says_when_it_would_make_too_many_columns():
    with pytest.raises(SpecError, match="2144 terms; at most 2000"):
        fitted("polynomial", {f"x{at}": [1.0, 2.0] for at in range(64)})


@pytest.mark.parametrize("placement", ["uniform", "quantile"])
@pytest.mark.parametrize("extrapolation", ["constant", "linear"])
@pytest.mark.parametrize(("degree", "knots"), [(1, 2), (2, 4), (3, 5), (5, 3)])
@settings(max_examples=8)
@given(learn=st.lists(KNOWN, min_size=2, max_size=30, unique=True), rows=st.lists(KNOWN, min_size=1))
def test_splines_are_scikit_learns(placement, extrapolation, degree, knots, learn, rows):
    rows = rows + learn
    options = {"degree": degree, "extrapolation": extrapolation}
    features = fitted("splines", {"x": learn}, knots=knots, placement=placement, **options)
    estimator = SplineTransformer(n_knots=knots, knots=placement, **options)
    agree(asked(features, {"x": rows}), twin(estimator, learn, rows))


def test_splines_of_several_columns_keep_their_order_and_missing_values():
    learn = {"x": [1.0, 2.0, 3.0, 4.0], "tied": [0.0, 0.0, 0.0, 1.0], "c": [7.0] * 4, "y": [1.0, 5.0, 6.0, 9.0]}
    features = fitted("splines", learn, knots=3, degree=2, placement="quantile", include_bias=False)
    assert names(features)[:3] == ["x_spline_0", "x_spline_1", "x_spline_2"]
    assert sum(name.startswith("tied_spline_") for name in names(features)) == 2
    found = asked(features, {name: [None, values[0]] for name, values in learn.items()})
    assert np.isnan(found[0]).all() and not np.isnan(found[1]).any()


def test_splines_of_a_constant_column_are_those_around_it():
    found = asked(fitted("splines", {"x": [4.0, 4.0]}), {"x": [4.0, 4.3, 1e9]})
    agree(found.sum(axis=1), 1)


def test_splines_of_nothing_are_refused():
    with pytest.raises(DataError, match='every value of "x" is missing'):
        fitted("splines", {"x": [None, None], "y": [1.0, 2.0]})


def test_normal_quantiles_are_scipys():
    from modelwright.graph.builder import NUMBER, GraphBuilder
    from modelwright.graph.normal import quantile
    from modelwright.graph.running import Scorer

    graph = GraphBuilder()
    graph.output("z", quantile(graph, graph.matrix_input("p", 1), 1), NUMBER, ["N", 1])
    shares = np.concatenate([np.logspace(-10, -1, 500), np.linspace(0.05, 0.95, 901), 1 - np.logspace(-9, -1, 500)])
    found = Scorer(graph.build()).run({"p": shares[:, None]})["z"][:, 0]
    np.testing.assert_allclose(found, stats.norm.ppf(shares), rtol=1e-13, atol=1e-15)


def test_intervals_are_numpys_search():
    from modelwright.graph.builder import INTEGER, GraphBuilder
    from modelwright.graph.intervals import intervals
    from modelwright.graph.running import Scorer

    edges = [np.array([-5e-324, 0.0, 5e-324, 1.0, 1e300]), np.zeros(0), np.linspace(-3, 3, 1000)]
    values = np.array([-1e300, -5e-324, -0.0, 0.0, 5e-324, 0.5, 1.0, np.nextafter(1, 0), 2.9, 1e300, 1.1e300])
    graph = GraphBuilder()
    found = intervals(graph, graph.matrix_input("x", 3), edges, [0, 10, 20])
    graph.output("at", found, INTEGER, ["N", 3])
    places = Scorer(graph.build()).run({"x": np.stack([values] * 3, axis=1)})["at"]
    for at, (ascending, start) in enumerate(zip(edges, [0, 10, 20], strict=True)):
        np.testing.assert_array_equal(places[:, at], start + np.searchsorted(ascending, values, side="right"))


def test_power_draws_rows_for_lambda_only(monkeypatch):
    from modelwright.parts.features import power

    monkeypatch.setattr(power, "SAMPLE_ROWS", 300)
    values = np.random.default_rng(2).exponential(size=1000)
    found = asked(fitted("power", {"x": nullable(values)}), {"x": nullable(values)})[:, 0]
    agree([found.mean(), found.std()], [0, 1])
    assert abs(stats.skew(found)) < 0.3
