"""Feature steps say what numpy says, bit for bit, for any numbers and texts, at every batch size down to no rows."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from hypothesis import assume, given
from hypothesis import strategies as st

from modelwright.core.columns import Column, Schema
from modelwright.core.errors import DataError
from modelwright.fitting.features import fit_features
from modelwright.graph.running import Scorer
from modelwright.parts import catalog

BATCHES = (1, 7, 64)
NUMBERS = st.none() | st.sampled_from([0.0, -0.0, 1.0, 5e-324, -1e-300, 1e150, -1e300]) | st.floats(-1e6, 1e6)
COLUMN = st.lists(NUMBERS, min_size=1, max_size=20)
WORDS = (
    st.none()
    | st.sampled_from(["", "a", "A", " a", "nan", "<missing>", "é", "\U0001f600", "-1"])
    | st.text("ab\n", max_size=3)
)
TIMES = st.none() | st.datetimes(datetime(1950, 1, 1), datetime(2090, 1, 1))


def fitted(kind, values, arrow, column_type, timezone=None, **options):
    table = pa.table({"x": pa.array(values, arrow)})
    column = Column("x", column_type, nullable=True, timezone=timezone)
    step = catalog.load("features", kind).model_validate({"kind": kind, "columns": ["x"], **options})
    return fit_features([step], table, Schema((column,)), None, 0)


def asked(features, rows, arrow):
    """The features of some rows; the same bits at every batch size, and nothing of nothing."""
    table = pa.table({"x": pa.array(rows, arrow)})
    whole = features.transform(table)
    scorer = Scorer(features.model)
    for size in BATCHES:
        np.testing.assert_array_equal(scorer.run_table(table, size)["features"].view(np.int64), whole.view(np.int64))
    assert features.transform(table.slice(0, 0)).shape == (0, len(features.features))
    return whole


def floats(values):
    return np.array([math.nan if value is None else value for value in values])


def same_bits(found, expected):
    """NaN is NaN, and zero has no sign: numpy's own statistics do not keep it."""
    found, expected = np.asarray(found, float) + 0.0, np.asarray(expected, float) + 0.0
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    known = ~np.isnan(expected)
    np.testing.assert_array_equal(found[known].view(np.int64), expected[known].view(np.int64))


@given(COLUMN, COLUMN)
def test_standardize(learn, rows):
    values = floats(learn)[:, None]
    known, count = ~np.isnan(values), max((~np.isnan(values)).sum(), 1)
    mean = np.where(known, values, 0.0).sum(axis=0) / count
    with np.errstate(over="ignore"):
        variance = (np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / count
        assume(np.isfinite(variance).all())
        epsilon = np.finfo(float).eps
        constant = variance <= count * epsilon * variance + (count * mean * epsilon) ** 2  # as StandardScaler has it
        scale = np.where(constant, 1.0, np.sqrt(variance))
        expected = (floats(rows) - mean) / scale
    same_bits(asked(fitted("standardize", learn, pa.float64(), "number"), rows, pa.float64())[:, 0], expected)


def test_a_scale_of_nearly_one_is_not_taken_for_one():
    """ONNX Runtime's optimizer compares constants in float32."""
    scale = 1.00000001
    found = asked(fitted("standardize", [scale, -scale], pa.float64(), "number"), [1.0, 2.0, None], pa.float64())
    same_bits(found[:, 0], np.array([1.0, 2.0, math.nan]) / scale)


@given(COLUMN, COLUMN, st.sampled_from(["median", "mean", "most_frequent"]))
def test_impute(learn, rows, strategy):
    known = floats(learn)
    known = known[~np.isnan(known)]
    if not len(known):
        try:
            fitted("impute", learn, pa.float64(), "number", strategy=strategy)
        except DataError:
            return
        raise AssertionError("nothing to fill with, and nobody said so")
    values, counts = np.unique(known, return_counts=True)
    with np.errstate(over="ignore"):
        fill = {"median": np.median(known), "mean": known.mean(), "most_frequent": values[np.argmax(counts)]}[strategy]
    features = fitted("impute", learn, pa.float64(), "number", strategy=strategy)
    found = asked(features, rows, pa.float64())[:, 0]
    same_bits(found, np.where(np.isnan(floats(rows)), fill, floats(rows)))


@given(COLUMN, COLUMN)
def test_winsorize(learn, rows):
    features = fitted("winsorize", learn, pa.float64(), "number", lower=0.1, upper=0.9)
    found = asked(features, rows, pa.float64())[:, 0]
    known = floats(learn)
    low, high = (-np.inf, np.inf) if np.isnan(known).all() else np.quantile(known[~np.isnan(known)], [0.1, 0.9])
    values = floats(rows)
    same_bits(found, np.where(values < low, low, np.where(values > high, high, values)))


@given(st.lists(WORDS, min_size=1, max_size=20), st.lists(WORDS, min_size=1, max_size=20))
def test_one_hot_of_words(learn, rows):
    learnt = [word or "" for word in learn]
    words = sorted({word for word in learnt if word})
    assume("<missing>" not in words or "" not in learnt)  # the two would have one name
    assume(words or "" in learnt)
    features = fitted("one_hot", learn, pa.string(), "category")
    columns = [*words, *([""] if "" in learnt else [])]
    expected = [[float((row or "") == word) for word in columns] for row in rows]
    same_bits(asked(features, rows, pa.string()), np.array(expected))


@given(st.lists(st.none() | st.integers(-3, 3) | st.sampled_from([1234567, 1234568, 0.1, -0.0]), min_size=1), COLUMN)
def test_one_hot_of_numbers(learn, rows):
    known = sorted({value + 0.0 for value in floats(learn) if not math.isnan(value)})
    missing = any(value is None for value in learn)
    features = fitted("one_hot", learn, pa.float64(), "number")
    values = floats(rows)
    expected = [(values == value).astype(float) for value in known] + [np.isnan(values).astype(float)] * missing
    same_bits(asked(features, rows, pa.float64()), np.stack(expected, axis=1))
    assert len({feature.name for feature in features.features}) == len(expected)


@given(st.lists(WORDS, min_size=1, max_size=20), st.lists(WORDS, min_size=1, max_size=20))
def test_ordinal(learn, rows):
    words = sorted({word for word in learn if word})
    codes = {word: float(code) for code, word in enumerate(words)}
    found = asked(fitted("ordinal", learn, pa.string(), "category"), rows, pa.string())[:, 0]
    same_bits(found, [codes.get(row or "", math.nan) for row in rows])


@given(st.lists(TIMES, min_size=1, max_size=12), st.sampled_from(["UTC", "Europe/Kyiv", "Asia/Kolkata"]))
def test_datetime_parts(times, zone):
    moments = [None if moment is None else moment.replace(tzinfo=UTC) for moment in times]
    parts = ["year", "month", "day", "weekday", "hour", "minute", "second", "dayofyear", "quarter"]
    arrow = pa.timestamp("us", "UTC")
    features = fitted("datetime_parts", moments, arrow, "timestamp", zone, parts=parts)
    found = asked(features, moments, arrow)
    for row, moment in zip(found, moments, strict=True):
        if moment is None:
            assert np.isnan(row).all()
            continue
        local = moment.astimezone(ZoneInfo(zone))
        first = [local.year, local.month, local.day, local.weekday(), local.hour, local.minute, local.second]
        day = (local.replace(tzinfo=None) - datetime(local.year, 1, 1)) // timedelta(days=1) + 1
        assert row.tolist() == [*first, day, (local.month - 1) // 3 + 1]
