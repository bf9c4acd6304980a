"""What each feature step makes of columns, on learn and on rows that learn never had."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from modelwright.core.columns import Column, Schema
from modelwright.core.errors import DataError, SpecError
from modelwright.fitting.features import fit_features
from modelwright.parts import catalog

START = datetime(2026, 1, 1, tzinfo=UTC)


def step(kind, **settings):
    return catalog.load("features", kind).model_validate({"kind": kind, **settings})


def column(values):
    """An Arrow column and its type in a schema."""
    known = [value for value in values if value is not None]
    if any(isinstance(value, str) for value in known):
        return pa.array(values, pa.string()), "category"
    if any(isinstance(value, datetime) for value in known):
        return pa.array(values, pa.timestamp("us", "UTC")), "timestamp"
    return pa.array(values, pa.float64()), "number"


def fitted(steps, columns, **schema_settings):
    made = {name: column(values) for name, values in columns.items()}
    schema = Schema(tuple(Column(name, kind, **schema_settings.get(name, {})) for name, (_, kind) in made.items()))
    table = pa.table({name: values for name, (values, _) in made.items()})
    return fit_features(steps, table, schema, None, 0), table


def transformed(steps, learn, rows=None, **schema_settings):
    features, table = fitted(steps, learn, **schema_settings)
    if rows is not None:
        types = {name: table.schema.field(name).type for name in rows}
        table = pa.table({name: pa.array(values, types[name]) for name, values in rows.items()})
    return {
        feature.name: values for feature, values in zip(features.features, features.transform(table).T, strict=True)
    }


def same(found, expected):
    np.testing.assert_array_equal(found, [np.nan if value is None else value for value in expected])


@pytest.mark.parametrize(
    ("settings", "filled"),
    [
        ({}, 2.0),
        ({"strategy": "mean"}, 4.0),
        ({"strategy": "most_frequent"}, 1.0),
        ({"strategy": "constant", "value": -7}, -7.0),
    ],
)
def test_impute_fills_what_learn_says(settings, filled):
    learn = {"x": [1, 1, None, 2, 3, 13]}
    same(transformed([step("impute", **settings)], learn, {"x": [None, 5]})["x"], [filled, 5])


def test_impute_flags_only_where_learn_had_missing_values():
    learn = {"x": [1, None, 3], "y": [1, 2, 3]}
    found = transformed([step("impute", indicator=True)], learn, {"x": [None, 2], "y": [None, 2]})
    assert list(found) == ["x", "y", "x_missing"]
    same(found["x_missing"], [1, 0])
    same(found["y"], [2, 2])


def test_impute_fills_text():
    steps = [step("impute", columns="categorical", strategy="most_frequent", indicator=True), step("one_hot")]
    found = transformed(steps, {"c": ["a", "b", "b", None]}, {"c": [None, "a", "?"]})
    same(found["c=b"], [1, 0, 0])
    same(found["c=a"], [0, 1, 0])
    same(found["c_missing"], [1, 0, 0])


def test_impute_of_a_column_without_values_is_an_error_that_names_it():
    with pytest.raises(DataError, match='every value of "x" is missing'):
        transformed([step("impute")], {"x": [None, None], "y": [1, 2]})


@pytest.mark.parametrize("settings", [{"strategy": "constant"}, {"value": 3}])
def test_impute_wants_a_value_exactly_for_constant(settings):
    with pytest.raises(ValidationError, match="strategy: constant"):
        step("impute", **settings)


def test_standardize_passes_over_missing_and_constant():
    learn = {"x": [1.0, 3.0, None], "c": [0.1] * 3}
    found = transformed([step("standardize")], learn)
    same(found["x"], [-1, 1, None])
    np.testing.assert_allclose(found["c"], 0, atol=1e-12)


def test_winsorize_bounds_both_ends_and_keeps_missing():
    learn = {"x": [float(value) for value in range(101)]}
    found = transformed([step("winsorize", lower=0.1, upper=0.9)], learn, {"x": [-1e9, 10.0, 50.0, 1e9, None]})
    same(found["x"], [10, 10, 50, 90, None])


def test_winsorize_wants_ordered_quantiles():
    with pytest.raises(ValidationError, match="less than"):
        step("winsorize", lower=0.9, upper=0.1)


def test_one_hot_has_zeros_for_the_unknown_and_rare_and_a_column_for_missing_if_learn_had_it():
    learn = {"c": ["a", "a", "b", "b", "rare", None], "d": ["x"] * 5 + ["y"]}
    rows = {"c": ["a", "b", "rare", "new", None], "d": ["y", "x", None, "new", ""]}
    found = transformed([step("one_hot", min_count=2)], learn, rows)
    assert list(found) == ["c=a", "c=b", "c=<missing>", "d=x"]
    same(found["c=a"], [1, 0, 0, 0, 0])
    same(found["c=<missing>"], [0, 0, 0, 0, 1])
    same(found["d=x"], [0, 1, 0, 0, 0])


def test_one_hot_keeps_the_most_frequent_and_takes_numbers_by_name():
    learn = {"c": ["a", "b", "b", "c", "c", "c"], "season": [1, 1, 2, 2, 2, None]}
    steps = [step("one_hot", max_categories=2), step("one_hot", columns=["season"], keep=True)]
    found = transformed(steps, learn)
    assert list(found) == ["season", "c=b", "c=c", "season=1", "season=2", "season=<missing>"]
    same(found["season=2"], [0, 0, 1, 1, 1, 0])


def test_ordinal_codes_are_nominal_unless_an_order_is_given():
    learn = {"size": ["small", "large", "medium", None], "kind": ["b", "a", "a", "b"]}
    steps = [step("ordinal", columns="size", order=["small", "medium", "large"]), step("ordinal")]
    features, table = fitted(steps, learn)
    assert [(feature.name, feature.cardinality) for feature in features.features] == [("size", None), ("kind", 2)]
    same(features.transform(table)[:, 0], [0, 2, 1, None])
    same(features.transform(table)[:, 1], [1, 0, 0, 1])
    unseen = pa.table({"size": ["giant"], "kind": ["z"]})
    same(features.transform(unseen)[0], [None, None])


def test_ordinal_of_a_number_is_refused():
    with pytest.raises(SpecError, match='"x" is no category'):
        transformed([step("ordinal", columns=["x"])], {"x": [1, 2]})


def test_expression_appends_and_reads_what_earlier_steps_made():
    steps = [
        step("impute"),
        step("expression", name="ratio", value="x / y"),
        step("winsorize", columns="ratio", lower=0, upper=0.5),
    ]
    found = transformed(steps, {"x": [1, None, 3], "y": [2, 1, 0]})
    assert list(found) == ["x", "y", "ratio"]
    same(found["ratio"], [0.5, 1.25, None])


@pytest.mark.parametrize(
    ("value", "message"),
    [("x + nope", "nope"), ("word + 1", '"word" is text'), ("x = 'a'", "compared with")],
)
def test_expression_on_the_wrong_columns_says_where(value, message):
    with pytest.raises(SpecError, match=message):
        transformed([step("expression", name="e", value=value)], {"x": [1, 2], "word": ["a", "b"]})


def test_drop_takes_a_column_out_of_the_models_inputs():
    features, _ = fitted([step("drop", columns="leak*")], {"x": [1, 2], "leak_1": [1, 2]})
    assert features.inputs == ("x",)


def local_parts(at):
    return [
        at.year, (at.month + 2) // 3, at.month, at.day, at.timetuple().tm_yday,
        at.weekday(), at.hour, at.minute, at.second,
    ]  # fmt: skip


PARTS = ["year", "quarter", "month", "day", "dayofyear", "weekday", "hour", "minute", "second"]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Kyiv", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
def test_datetime_parts_are_those_of_the_local_calendar(zone):
    place = ZoneInfo(zone)
    random = np.random.default_rng(3)
    times = [START + timedelta(seconds=int(seconds)) for seconds in random.integers(-(10**9), 10**9, 400)]
    hours = [START + timedelta(hours=hour) for hour in range(4 * 8766)]
    offsets = [at.astimezone(place).utcoffset() for at in hours]
    changes = [hours[at] for at in range(1, len(hours)) if offsets[at] != offsets[at - 1]]
    times += [at + timedelta(seconds=shift) for at in changes for shift in (-3601, -1801, -1, 0, 1, 1799, 3599)]
    for year in (1972, 2000, 2001):
        times += [datetime(year, *day, 23, 59, 59, tzinfo=UTC) for day in ((1, 1), (2, 28), (3, 1), (12, 31))]
    steps = [step("datetime_parts", parts=PARTS)]
    found = transformed(steps, {"at": times}, at={"timezone": zone})
    expected = np.array([local_parts(at.astimezone(place)) for at in times], float)
    np.testing.assert_array_equal(np.stack(list(found.values()), axis=1), expected)


@pytest.mark.parametrize("year", [1, 1600, 1899, 2400, 9998])
def test_datetime_parts_hold_far_from_now(year):
    times = [datetime(year, month, 28, 5, 6, 7, tzinfo=UTC) for month in range(1, 13)]
    found = transformed([step("datetime_parts", parts=PARTS)], {"at": times})
    np.testing.assert_array_equal(np.stack(list(found.values()), axis=1), [local_parts(at) for at in times])


def test_cyclical_parts_are_points_on_a_circle_and_missing_stays_missing():
    learn = {"at": [START, START + timedelta(hours=6), None]}
    found = transformed([step("datetime_parts", parts=["year", "hour"], cyclical=True)], learn)
    assert list(found) == ["at_year", "at_hour_sin", "at_hour_cos"]
    np.testing.assert_allclose(found["at_hour_sin"], [0, 1, np.nan], atol=1e-15)
    np.testing.assert_allclose(found["at_hour_cos"], [1, 0, np.nan], atol=1e-15)
    same(found["at_year"], [2026, 2026, None])


def test_an_unknown_zone_is_a_spec_error():
    with pytest.raises(SpecError, match="Mars/Base"):
        transformed([step("datetime_parts")], {"at": [START]}, at={"timezone": "Mars/Base"})


def test_datetime_parts_of_a_number_is_refused():
    with pytest.raises(SpecError, match="not a timestamp"):
        transformed([step("datetime_parts", columns=["x"])], {"x": [1, 2]})


@pytest.mark.parametrize("kind", ["standardize", "winsorize"])
def test_steps_on_numbers_refuse_text(kind):
    with pytest.raises(SpecError, match='"c" is a category'):
        transformed([step(kind, columns=["c"])], {"c": ["a", "b"]})


@pytest.mark.parametrize(
    ("kind", "settings"),
    [("standardize", {}), ("winsorize", {}), ("impute", {}), ("datetime_parts", {"columns": "at"}), ("one_hot", {})],
)
def test_keep_leaves_the_column_beside_what_is_made(kind, settings):
    learn = {"x": [1, 2, None], "at": [START] * 3, "c": ["a", "b", "a"]}
    steps = [step(kind, keep=True, **settings), step("drop", columns=["at", "c"])]
    without = {"datetime_parts": "at", "one_hot": "c"}.get(kind, "x")
    names = list(transformed(steps, learn))
    assert "x" in names
    assert any(name.startswith(without) and name != without for name in names)
