"""Fitting from a file is fitting from memory, to the last bit, whatever goes to files on the way."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelwright.core.columns import Column, Schema
from modelwright.core.errors import DataError
from modelwright.fitting import made_columns
from modelwright.fitting.features import fit_features
from modelwright.fitting.frame import Frame
from modelwright.fitting.learn_rows import rows_of
from modelwright.fitting.made_columns import MadeColumns
from modelwright.fitting.steps import Stage, applied, fit_step
from modelwright.parts import catalog

ROWS = 5000
SCHEMA = Schema(
    (
        Column("x", "number", nullable=True),
        Column("count", "integer"),
        Column("word", "category", nullable=True),
        Column("word.x", "category"),
        Column("at", "timestamp", role="time", timezone="Europe/Kyiv"),
        Column("y", "number", role="target"),
    )
)


def step(kind, **settings):
    return catalog.load("features", kind).model_validate({"kind": kind, **settings})


STEPS = [
    step("impute", columns="categorical", strategy="most_frequent"),
    step("expression", name="ratio", value="x / count"),
    step("datetime_parts", columns=["at"], parts=["hour"], keep=True),
    step("impute", indicator=True),
    step("winsorize", columns=["x", "ratio"]),
    step("standardize", columns=["x", "at_hour"], keep=True),
    step("one_hot", columns=["word", "word.x"], min_count=3),
    step("standardize", columns="word*"),
]


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(0)
    words = np.array([None, "a", "б", "c", *(f"rare {number}" for number in range(40))], object)
    micros = pa.array(1_700_000_000_000_000 + random.integers(0, 10**13, ROWS), pa.int64())
    return pa.table(
        {
            "x": pa.array(random.normal(size=ROWS), mask=random.random(ROWS) < 0.1),
            "count": pa.array(random.integers(0, 9, ROWS)),
            "word": pa.array(words[np.minimum(random.geometric(0.2, ROWS) - 1, 43)].tolist(), pa.string()),
            "word.x": pa.array(["u", "v"] * (ROWS // 2)),
            "at": micros.cast(pa.timestamp("us", "UTC")),
            "y": random.normal(size=ROWS),
        }
    )


@pytest.fixture
def file(table, tmp_path):
    """Row groups and pieces that end in different places."""
    pq.write_table(table, tmp_path / "learn.parquet", row_group_size=700)
    return tmp_path / "learn.parquet"


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr("modelwright.fitting.frame.PIECE_ROWS", 512)


@pytest.mark.parametrize("in_memory", [10**9, 100_000, 0])
def test_a_file_and_a_table_give_the_same_bytes(in_memory, table, file, tmp_path, small_pieces, monkeypatch):
    whole = fit_features(STEPS, table, SCHEMA, None, 0)
    monkeypatch.setattr(made_columns, "IN_MEMORY_BYTES", in_memory)
    from_file = fit_features(STEPS, file, SCHEMA, None, 0, scratch=tmp_path / "scratch")
    assert from_file == whole
    spilled = list((tmp_path / "scratch").glob("*.bin")) if in_memory < 10**9 else ()
    assert bool(spilled) == (in_memory < 10**9)


def test_auto_of_a_file_is_auto_of_a_table(table, file):
    assert fit_features("auto", file, SCHEMA, None, 0) == fit_features("auto", table, SCHEMA, None, 0)


def test_batches_of_a_file_are_the_rows_of_the_whole(table, file):
    features = fit_features(STEPS, table, SCHEMA, None, 0)
    batches = list(features.transform_batches(file, 512))
    assert len(batches) > 1
    np.testing.assert_array_equal(np.concatenate(batches), features.transform(table))


@pytest.mark.parametrize("of_file", [False, True])
@pytest.mark.parametrize("in_memory", [10**9, 0])
def test_what_a_step_sees_does_not_depend_on_where_it_lies(
    of_file, in_memory, table, file, tmp_path, small_pieces, monkeypatch
):
    """Every way to look at made columns and at read ones, on all rows and on some."""
    monkeypatch.setattr(made_columns, "IN_MEMORY_BYTES", in_memory)
    source = rows_of(file if of_file else table)
    frame = Frame.of_rows(source, SCHEMA, MadeColumns(source.rows, tmp_path / "scratch"))
    for made in STEPS[:2]:
        fitted = fit_step(made, frame, Stage(SCHEMA, None, None), 0, "")
        frame = applied(fitted, frame, None, "")
    x, count = table["x"].to_numpy(), table["count"].to_numpy()
    ratio = np.where(count == 0, np.nan, x / np.where(count == 0, 1, count))
    words = [word or "a" for word in table["word"].to_pylist()]
    some = np.arange(ROWS) % 3 == 1
    for where in (None, some):
        rows = np.ones(ROWS, bool) if where is None else where
        taken = frame.take(["ratio", "x"], 0, where)
        np.testing.assert_array_equal(taken.matrix(), np.stack([ratio, x], axis=1)[rows])
        np.testing.assert_array_equal(np.concatenate(list(taken.pieces())), taken.matrix())
        np.testing.assert_array_equal(taken.values("ratio"), ratio[rows])
        text = frame.take(["word"], 0, where)
        expected = [word for word, chosen in zip(words, rows, strict=True) if chosen]
        assert text.values("word").tolist() == expected
        counts = dict(text.counts("word"))
        assert counts == {word: expected.count(word) for word in set(expected)}
        assert text.rows == len(expected)


def test_infinite_values_of_a_file_are_counted(table, tmp_path):
    values = [float("inf") if number in (3, 4000) else number for number in range(ROWS)]
    pq.write_table(table.set_column(0, "x", pa.array(values, pa.float64())), tmp_path / "learn.parquet")
    with pytest.raises(DataError, match='"x" holds 2 infinite'):
        fit_features([step("standardize")], tmp_path / "learn.parquet", SCHEMA, None, 0)


def test_no_row_at_all_is_refused_before_any_step_is_asked(table, tmp_path, monkeypatch):
    pq.write_table(table.slice(0, 0), tmp_path / "learn.parquet")
    asked = step("standardize")
    monkeypatch.setattr(type(asked), "fit", lambda *_: pytest.fail("it was asked"))
    for learn in (table.slice(0, 0), tmp_path / "learn.parquet"):
        for steps in ([asked], [], "auto"):
            with pytest.raises(DataError, match="learn has no rows") as caught:
                fit_features(steps, learn, SCHEMA, None, 0)
            assert caught.value.problems[0].where == "prepare.features"
