"""Profiles count, merge and travel as JSON; counting needs neither DuckDB nor pandas."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.columns import Column
from modelwright.tables.profiles import Profile, build, count, merge, quantile_edges

COLUMNS = [
    Column("x", "number"),
    Column("i", "integer"),
    Column("c", "category", categories=("a", "b")),
    Column("t", "timestamp"),
    Column("b", "boolean"),
    Column("s", "text"),
]


def table(rows=1000, seed=0):
    random = np.random.default_rng(seed)
    return pa.table(
        {
            "x": pa.array([None if value > 1.5 else value for value in random.normal(size=rows)], pa.float64()),
            "i": pa.array(random.integers(0, 5, rows)),
            "c": pa.array([["a", "b", None][code] for code in random.integers(0, 3, rows)]),
            "t": pa.array(random.integers(0, 10**15, rows), pa.timestamp("us")),
            "b": pa.array([[True, False, None][code] for code in random.integers(0, 3, rows)]),
            "s": pa.array(["word" * int(code) for code in random.integers(1, 4, rows)]),
        }
    )


def test_every_value_is_counted_once():
    reference = table()
    profile = build(reference, COLUMNS)
    for counts in profile.columns:
        assert counts.rows == profile.rows == 1000
        assert counts.missing == reference[counts.name].null_count
    assert profile["i"].counts == (*np.bincount(reference["i"].to_numpy()).tolist(), 0), "few values: a bin each"
    assert profile["s"].edges == (4.0, 8.0, 12.0), "text is profiled by its length"
    assert max(profile["x"].counts) <= 6, "200 bins of equal counts"


def test_mean_and_range_are_exact():
    reference = table()
    counts = build(reference, COLUMNS)["x"]
    values = reference["x"].drop_null().to_numpy()
    assert counts.mean == pytest.approx(values.mean())
    assert (counts.minimum, counts.maximum) == (values.min(), values.max())
    assert counts.total_squares == pytest.approx((values**2).sum())


def test_other_rows_are_counted_in_the_bins_of_the_reference():
    profile = build(table(), COLUMNS)
    strange = pa.table({"x": [1e9, None], "c": ["new", ""], "i": [3, 3]})
    current = count(strange, profile)
    assert current["x"].counts[-1] == 1 and current["x"].missing == 1
    assert (current["c"].other, current["c"].missing, current["c"].counts) == (1, 1, (0, 0))
    assert current["t"].missing == 2, "a column that is not there is missing"
    assert current["x"].edges == profile["x"].edges


def test_parts_merge_to_the_whole():
    whole = table()
    profile = build(whole, COLUMNS)
    merged = merge(count(whole.slice(0, 300), profile), count(whole.slice(300), profile))
    for one, other in zip(merged.columns, profile.columns, strict=True):
        assert (one.counts, one.missing, one.minimum, one.maximum) == (
            other.counts,
            other.missing,
            other.minimum,
            other.maximum,
        )
        assert one.total == pytest.approx(other.total)
    with pytest.raises(ValueError, match="different bins"):
        merge(profile, build(table(seed=1), COLUMNS))


def test_json_keeps_everything():
    profile = build(table(), COLUMNS)
    assert Profile.from_dict(json.loads(json.dumps(profile.to_dict()))) == profile


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=60), st.integers(1, 50))
def test_edges_are_values_of_the_sample_in_order(values, edges):
    found = quantile_edges(np.array(values, dtype=np.float64), edges)
    assert set(found) <= set(values) and list(found) == sorted(set(found)) and len(found) <= edges


def test_one_outlier_does_not_blind_the_bins():
    values = np.concatenate([np.arange(1000.0), [1e12]])
    assert len(quantile_edges(values, 199)) == 199 and max(quantile_edges(values, 199)) < 1000


def test_columns_without_values_are_counted_too():
    nothing = pa.table({"x": pa.array([None, None], pa.float64()), "c": pa.array([None, None], pa.string())})
    profile = build(nothing, [Column("x", "number"), Column("c", "category", categories=())])
    assert [counts.missing for counts in profile.columns] == [2, 2]
    assert profile["x"].counts == (0,) and profile["x"].minimum is None


def test_counting_needs_neither_duckdb_nor_pandas():
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('duckdb', 'pandas'): raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "import pyarrow as pa\n"
        "from modelwright.core.columns import Column\n"
        "from modelwright.tables.profiles import build, count\n"
        "table = pa.table({'x': [1.0, None], 'c': ['a', None]})\n"
        "profile = build(table, [Column('x', 'number'), Column('c', 'category', categories=('a',))])\n"
        "assert count(table, profile) == profile\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
