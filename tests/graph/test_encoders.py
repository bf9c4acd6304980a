"""Values from tables and from requests become the same tensors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.errors import DataError
from modelwright.graph.encoders import NO_TIME, encode, feed

CASES = {
    "number": (pa.float64(), st.floats(allow_nan=False, allow_infinity=False)),
    "integer": (pa.int64(), st.integers(-(2**53), 2**53)),
    "boolean": (pa.bool_(), st.booleans()),
    "category": (pa.string(), st.text(max_size=5)),
    "text": (pa.string(), st.text(max_size=5)),
    "timestamp": (
        pa.timestamp("us", "UTC"),
        st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
    ),
}


@given(st.data(), st.sampled_from(sorted(CASES)))
def test_a_table_and_a_request_agree(data, column_type):
    arrow_type, values = CASES[column_type]
    plain = data.draw(st.lists(st.one_of(st.none(), values), min_size=1, max_size=20))
    from_request = encode(column_type, plain)
    from_table = encode(column_type, pa.array(plain, arrow_type))
    assert from_request.dtype == from_table.dtype
    if from_request.dtype == np.float64:
        np.testing.assert_array_equal(from_request, from_table)
    else:
        assert from_request.tolist() == from_table.tolist()


def test_missing_has_one_form_per_type():
    assert np.isnan(encode("number", [None])[0])
    assert encode("category", [None])[0] == ""
    assert encode("timestamp", [None])[0] == NO_TIME


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-01T08:30:00Z", datetime(2026, 3, 1, 8, 30, tzinfo=UTC)),
        ("2026-03-01t08:30:00.25z", datetime(2026, 3, 1, 8, 30, 0, 250_000, tzinfo=UTC)),
        ("1969-12-31T23:59:59.5-05:00", datetime(1969, 12, 31, 23, 59, 59, 500_000, timezone(timedelta(hours=-5)))),
    ],
)
def test_rfc_3339(text, instant):
    assert encode("timestamp", [text])[0] == (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("column_type", "value"),
    [
        ("timestamp", "2026-03-01"),
        ("timestamp", "2026-03-01T08:30:00"),
        ("timestamp", "2026-13-01T08:30:00Z"),
        ("timestamp", 1_700_000_000),
        ("number", True),
        ("number", "1.5"),
        ("number", 10**400),
        ("integer", 1.5),
        ("boolean", 1),
        ("text", 7),
        ("text", b"bytes"),
        ("category", "\ud800"),
    ],
)
def test_what_does_not_fit_is_refused_and_located(column_type, value):
    with pytest.raises(DataError, match="row 1"):
        encode(column_type, [None, value])


@pytest.mark.parametrize(
    ("column_type", "array"),
    [("number", pa.array(["1"])), ("text", pa.array([1])), ("timestamp", pa.array([1]))],
)
def test_a_column_of_another_type_is_refused_by_name(column_type, array):
    with pytest.raises(DataError, match='column "x"'):
        feed({"x": column_type}, pa.table({"x": array}))


def test_a_missing_column_is_named_with_the_nearest():
    with pytest.raises(DataError, match='"speed" is missing; did you mean "sped"'):
        feed({"speed": "number"}, pa.table({"sped": [1.0]}))


def test_dictionaries_slices_and_other_units_are_understood():
    words = pa.chunked_array([["a", None], ["b", "a"]]).dictionary_encode()
    assert encode("category", words).tolist() == ["a", "", "b", "a"]
    assert encode("category", words.slice(2, 1)).tolist() == ["b"]
    assert encode("timestamp", pa.array([1, None], pa.timestamp("ms", "UTC"))).tolist() == [1000, NO_TIME]
    assert encode("number", pa.array([2**53 + 1])).tolist() == [float(2**53)]
