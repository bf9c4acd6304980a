"""Arrow values from their buffers are what pyarrow says they are, in slices and with nulls."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.graph.arrow_values import values_of


@settings(deadline=None)  # the first array imports pandas
@given(st.lists(st.none() | st.floats(allow_nan=False)), st.integers(0, 20), st.integers(0, 20))
def test_numbers_and_nulls_of_any_slice(values, start, length):
    array = pa.array(values, pa.float64()).slice(start, length)
    found = values_of(array, np.float64, np.nan)
    assert [None if np.isnan(value) else value for value in found] == array.to_pylist()


@settings(deadline=None)  # the first array imports pandas
@given(st.lists(st.none() | st.integers(-(2**63) + 1, 2**63 - 1)), st.integers(0, 20))
def test_whole_numbers_keep_every_digit(values, start):
    array = pa.array(values, pa.int64()).slice(start)
    assert values_of(array, np.int64, -(2**63)).tolist() == [-(2**63) if v is None else v for v in array.to_pylist()]
