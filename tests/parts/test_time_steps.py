"""Steps on times, angles and places say what pandas, numpy and scikit-learn say."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.metrics.pairwise import haversine_distances

from modelwright.core.columns import Column, Schema
from modelwright.core.errors import SpecError
from modelwright.fitting.features import fit_features
from modelwright.graph.running import Scorer
from modelwright.parts import catalog
from modelwright.parts.features.geo_distance import EARTH_KM

BATCHES = (1, 7, 64)
MOMENTS = st.datetimes(datetime(1950, 1, 1), datetime(2090, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))
NUMBERS = st.none() | st.sampled_from([0.0, -0.0, 6.0, 12.0, 24.0, -1.0, 5e-324]) | st.floats(-1e5, 1e5)
LATITUDES = st.sampled_from([0.0, -0.0, 90.0, -90.0, 50.45]) | st.floats(-90, 90)
LONGITUDES = st.sampled_from([0.0, 180.0, -180.0, 30.52]) | st.floats(-180, 180)


def step(kind, **options):
    return catalog.load("features", kind).model_validate({"kind": kind, **options})


def asked(steps, columns, types, timezone=None):
    """The features of the rows that were learnt from; the same bits at every batch size, and nothing of nothing."""
    arrow = {"timestamp": pa.timestamp("us", "UTC"), "number": pa.float64(), "category": pa.string()}
    table = pa.table({name: pa.array(values, arrow[types[name]]) for name, values in columns.items()})
    zone = {name: timezone if kind == "timestamp" else None for name, kind in types.items()}
    schema = Schema(tuple(Column(name, kind, nullable=True, timezone=zone[name]) for name, kind in types.items()))
    features = fit_features(steps, table, schema, None, 0)
    whole = features.transform(table)
    scorer = Scorer(features.model)
    for size in BATCHES:
        np.testing.assert_array_equal(scorer.run_table(table, size)["features"].view(np.int64), whole.view(np.int64))
    assert features.transform(table.slice(0, 0)).shape == (0, len(features.features))
    return dict(zip([feature.name for feature in features.features], whole.T, strict=True))


FLAGS = [f"is_{span}_{end}" for span in ("month", "quarter", "year") for end in ("start", "end")]


@given(st.lists(MOMENTS, min_size=1, max_size=40), st.sampled_from(["UTC", "Europe/Kyiv", "Asia/Kathmandu"]))
def test_parts_are_those_of_pandas(moments, zone):
    parts = ["week", "days_in_month", "is_weekend", *FLAGS]
    found = asked([step("datetime_parts", parts=parts)], {"at": moments}, {"at": "timestamp"}, zone)
    at = pd.DatetimeIndex(moments).tz_convert(zone)
    for part in ["days_in_month", *FLAGS]:
        np.testing.assert_array_equal(found[f"at_{part}"], getattr(at, part).astype(float), part)
    np.testing.assert_array_equal(found["at_week"], at.isocalendar().week.astype(float))
    np.testing.assert_array_equal(found["at_is_weekend"], (at.day_of_week >= 5).astype(float))


def test_weeks_and_ends_of_months_hold_around_the_turns_of_centuries():
    spans = (pd.date_range(f"{year}-01-01", f"{year + 8}-12-31", tz="UTC") for year in (1896, 1996, 2096))
    days = pd.DatetimeIndex(np.concatenate([span.asi8 for span in spans]), tz="UTC")
    parts = ["week", "days_in_month", *FLAGS]
    found = asked([step("datetime_parts", parts=parts)], {"at": days.to_pydatetime().tolist()}, {"at": "timestamp"})
    np.testing.assert_array_equal(found["at_week"], days.isocalendar().week.astype(float))
    for part in parts[1:]:
        np.testing.assert_array_equal(found[f"at_{part}"], getattr(days, part).astype(float), part)


def test_flags_stay_numbers_where_others_go_round():
    names = list(
        asked(
            [step("datetime_parts", parts=["week", "is_weekend"], cyclical=True)],
            {"at": [datetime(2026, 1, 3, tzinfo=UTC), None]},
            {"at": "timestamp"},
        )
    )
    assert names == ["at_week_sin", "at_week_cos", "at_is_weekend"]


@given(
    st.lists(st.tuples(st.none() | MOMENTS, st.none() | MOMENTS), min_size=1, max_size=70),
    st.sampled_from(["seconds", "minutes", "hours", "days", "weeks"]),
)
def test_difference_is_that_of_pandas(pairs, unit):
    start, end = ([pair[at] for pair in pairs] for at in (0, 1))
    types = {"start": "timestamp", "end": "timestamp"}
    difference = step("datetime_difference", columns="end", since="start", unit=unit)
    found = asked([difference], {"start": start, "end": end}, types)
    first, last = (pd.Series(pd.to_datetime(values, utc=True)).dt.as_unit("us") for values in (start, end))
    expected = (last - first) / pd.Timedelta(1, unit=unit[0].upper() if unit in ("weeks", "days") else unit[0])
    assert list(found) == [f"end_since_start_{unit}"]
    np.testing.assert_allclose(found[f"end_since_start_{unit}"], expected, rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    ("since", "hours"),
    [
        ("2026-01-31", 26.0),  # midnight in Kyiv is 22:00 UTC
        ("2026-01-31T00:00:00Z", 24.0),
        ("2026-01-31T06:00:00+02:00", 20.0),
        ("2027-02-01T00:00:00Z", -8760.0),
    ],
)
def test_difference_from_a_moment_knows_the_zone(since, hours):
    rows = {"at": [datetime(2026, 2, 1, tzinfo=UTC), None]}
    found = asked([step("datetime_difference", columns="at", since=since)], rows, {"at": "timestamp"}, "Europe/Kyiv")
    np.testing.assert_array_equal(found["at_hours"], [hours, math.nan])


def test_difference_across_summer_time_counts_hours_that_passed():
    rows = {"at": [datetime(2026, 3, 29, 21, tzinfo=UTC)]}  # midnight in Kyiv, 23 hours after the one before
    found = asked(
        [step("datetime_difference", columns="at", since="2026-03-29")], rows, {"at": "timestamp"}, "Europe/Kyiv"
    )
    assert found["at_hours"] == [23.0]


def test_difference_keeps_its_timestamps_for_later_steps_when_asked():
    rows = {"a": [datetime(2026, 1, 1, 5, tzinfo=UTC)], "b": [datetime(2026, 1, 1, 7, tzinfo=UTC)]}
    steps = [
        step("datetime_difference", columns="b", since="a", keep=True),
        step("datetime_parts", columns=["a", "b"], parts=["hour"]),
    ]
    found = asked(steps, rows, {"a": "timestamp", "b": "timestamp"})
    assert {name: values.tolist() for name, values in found.items()} == {
        "b_since_a_hours": [2.0],
        "a_hour": [5.0],
        "b_hour": [7.0],
    }


def test_difference_of_what_is_no_time_is_refused():
    with pytest.raises(ValidationError, match="no date"):
        step("datetime_difference", columns="at", since="2026-13-01")
    with pytest.raises(SpecError, match='"x" is a number, not a timestamp'):
        asked([step("datetime_difference", columns="x", since="2026-01-01")], {"x": [1.0]}, {"x": "number"})
    with pytest.raises(SpecError, match="the only timestamp"):
        asked([step("datetime_difference", columns="at", since="at")], {"at": [None]}, {"at": "timestamp"})


@given(st.lists(NUMBERS, min_size=1, max_size=70), st.sampled_from([1.0, 7.0, 24.0, 360.0, 0.1]))
def test_cyclical_is_sine_and_cosine(values, period):
    found = asked([step("cyclical", columns="x", period=period)], {"x": values}, {"x": "number"})
    angle = np.array([math.nan if value is None else value for value in values]) / period * 2 * np.pi
    np.testing.assert_allclose(found["x_sin"], np.sin(angle), rtol=0, atol=1e-9)
    np.testing.assert_allclose(found["x_cos"], np.cos(angle), rtol=0, atol=1e-9)


def test_cyclical_takes_several_columns():
    found = asked(
        [step("cyclical", columns="numeric", period=4)], {"a": [0, 1], "b": [2, 3]}, dict.fromkeys("ab", "number")
    )
    for name, expected in {"a_sin": [0, 1], "b_sin": [0, -1], "a_cos": [1, 0], "b_cos": [-1, 0]}.items():
        np.testing.assert_allclose(found[name], expected, atol=1e-15)


DISTANCE = {"name": "km", "start": ["a", "b"], "end": ["c", "d"], "keep": False}
PLACES = dict.fromkeys("abcd", "number")


def distances(rows):
    columns = {name: [row[at] for row in rows] for at, name in enumerate("abcd")}
    return asked([step("geo_distance", **DISTANCE)], columns, PLACES)["km"]


def haversine(rows):
    places = np.radians(np.array(rows, float))
    return np.array([haversine_distances(row[None, :2], row[None, 2:])[0, 0] for row in places]) * EARTH_KM


def exact(rows):
    """By the angle between two vectors in extended precision, good at any distance (Kahan)."""
    degree = np.longdouble(np.pi) / 180 + np.longdouble(1.2246467991473531772e-16) / 180
    a, b, c, d = (np.array(rows, np.longdouble) * degree).T
    first, other = (
        np.stack([np.cos(x) * np.cos(y), np.cos(x) * np.sin(y), np.sin(x)], axis=1) for x, y in ((a, b), (c, d))
    )
    apart, together = (np.sqrt((vector**2).sum(axis=1)) for vector in (first - other, first + other))
    return np.asarray(2 * np.arctan2(apart, together), float) * EARTH_KM


@given(st.lists(st.tuples(LATITUDES, LONGITUDES, LATITUDES, LONGITUDES), min_size=1, max_size=70))
def test_distance_is_the_great_circle_at_any_distance(rows):
    np.testing.assert_allclose(distances(rows), exact(rows), rtol=1e-12, atol=1e-9)  # 1e-9 km is a micrometre
    twin = haversine(rows)
    usual = twin < EARTH_KM * 3.14  # scikit-learn is off by up to 0.2 m at the opposite end of the earth
    np.testing.assert_allclose(distances(rows)[usual], twin[usual], rtol=1e-9, atol=1e-9)


def test_equal_near_and_opposite_places():
    rows = [(50.45, 30.52, 50.45, 30.52), (50.45, 30.52, 50.45, 390.52), (0, 0, 0, 1e-7), (50, 30, -50, -150)]
    rows += [(90, 0, 90, 123), (90, 7, -90, 70), (0, 179.5, 0, -179.5), (10, 20, -10.000001, -159.999999)]
    found = distances(rows)
    half = math.pi * EARTH_KM
    degree = half / 180
    assert found[0] == found[1] == 0
    np.testing.assert_allclose(found[2:7], [1e-7 * degree, half, 0, half, degree], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found, exact(rows), rtol=1e-13, atol=1e-11)


def test_distance_to_a_fixed_place_is_missing_where_a_coordinate_is():
    place = step("geo_distance", name="km", start=["a", "b"], end=[50.45, 30.52])
    rows = {"a": [50.0, None, 90.5, 1.0], "b": [30.0, 30.0, 0.0, None]}
    found = asked([place], rows, dict.fromkeys("ab", "number"))
    assert list(found) == ["a", "b", "km"]
    np.testing.assert_array_equal(np.isnan(found["km"]), [False, True, True, True])
    np.testing.assert_allclose(found["km"][0], haversine([(50.0, 30.0, 50.45, 30.52)])[0], rtol=1e-9)


@pytest.mark.parametrize("end", [[91.0, 0.0], ["a"], ["a", 3.0], [1.0, 2.0, 3.0]])
def test_a_place_is_two_columns_or_two_numbers(end):
    with pytest.raises(ValidationError):
        step("geo_distance", name="km", start=["a", "b"], end=end)


def test_times_an_hour_apart_are_near_at_midnight():
    midnight = datetime(2026, 1, 1, tzinfo=UTC)
    times = [midnight + timedelta(hours=hour) for hour in (23, 24, 36)]
    parts = step("datetime_parts", parts=["hour"], cyclical=True)
    points = np.stack(list(asked([parts], {"at": times}, {"at": "timestamp"}).values()), axis=1)
    assert np.linalg.norm(points[0] - points[1]) < np.linalg.norm(points[1] - points[2])
