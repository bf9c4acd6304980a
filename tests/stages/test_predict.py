"""Batch scoring: plain Parquet goes straight through, everything else through the engine, and both say the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelwright.cli.bundle import spec_of
from modelwright.core.errors import DataError, ModelwrightError
from modelwright.core.progress import Silent
from modelwright.runs.store import Run
from modelwright.serving.bundle import open_bundle
from modelwright.stages import predict as stage
from modelwright.stages import predict_parquet
from modelwright.stages.predict import predict
from stages.workshop import ROWS, Workshop

COLUMNS = ("ride", "at", "km", "speed", "sky", "unused")
DATA = ROWS.select(COLUMNS).slice(0, 39)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Run:
    workshop = Workshop(tmp_path_factory.mktemp("workshop"))
    workshop.prepare_and_train()
    workshop.evaluate()
    return workshop.export()


def score(run: Run, path: Path) -> tuple[pa.Table, tuple[Any, ...]]:
    """All predictions, and the rows that could not be read."""
    bundle = open_bundle(run.path)
    with predict(bundle, spec_of(bundle).spec.prepare, str(path), Silent()) as found:
        return pa.Table.from_batches(list(found.batches)), found.rejected


Both = Callable[[pa.Table], tuple[Any, Any]]


@pytest.fixture
def both(exported: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Both:
    """What comes of a table directly and through the engine: predictions and rejects, or the error."""

    def ways(table: pa.Table) -> tuple[Any, Any]:
        path = tmp_path / "data.parquet"
        pq.write_table(table, path, row_group_size=16)
        found = []
        for plain in (predict_parquet.plain_parquet, lambda *_: None):
            monkeypatch.setattr(stage, "plain_parquet", plain)
            try:
                rows, rejected = score(exported, path)
                found.append((rows.schema, rows.to_pylist(), rejected))
            except ModelwrightError as error:
                found.append((type(error), str(error)))
        return found[0], found[1]

    monkeypatch.setattr(predict_parquet, "BATCH_ROWS", 8)
    return ways


def changed(name: str, values: Any) -> pa.Table:
    return DATA.set_column(DATA.schema.get_field_index(name), name, values)


def test_plain_rows_never_see_the_engine(exported: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def engine(*arguments: object, **options: object) -> None:
        raise AssertionError("not needed")

    pq.write_table(DATA, tmp_path / "data.parquet")
    monkeypatch.setattr(stage, "incoming", engine)
    rows, rejected = score(exported, tmp_path / "data.parquet")
    assert rows.column_names == ["ride", "at", "prediction"]
    assert rows.num_rows == 39 and rejected == ()
    assert rows["prediction"][0].as_py() == 60 * 0.1 / 20.0


KM = DATA["km"].to_numpy()
ODD: dict[str, pa.Table] = {
    "as it is": DATA,
    "float32": changed("km", pa.array(KM.astype("float32"))),
    "whole numbers": changed("km", pa.array(range(39), pa.int16())),
    "whole numbers too large": changed("km", pa.array([2**53 + 2 + n for n in range(39)], pa.int64())),
    "NaN where missing may be": changed("speed", pa.array([float("nan"), *KM[1:]])),
    "infinity in the first batch": changed("speed", pa.array([float("inf"), *KM[1:]])),
    "NaN where nothing was missing": changed("km", pa.array([*KM[:20], float("nan"), *KM[21:]])),
    "null where nothing was missing": changed("km", pa.array([*KM[:20], None, *KM[21:]])),
    "empty texts": changed("sky", pa.array(["", "rain", None] * 13)),
    "large texts": changed("sky", pa.array(["clear", "rain", None] * 13, pa.large_string())),
    "codes and words": changed("sky", pa.array(["", "rain", None] * 13).dictionary_encode()),
    "no text at all": changed("sky", pa.nulls(39)),
    "numbers for texts": changed("sky", pa.array(range(39))),
    "texts for numbers": changed("km", pa.array([str(value) for value in KM])),
    "decimals": changed("km", pa.array([str(n) for n in range(39)]).cast(pa.decimal128(12, 2))),
    "true or false": changed("km", pa.array([True, False, True] * 13)),
    "milliseconds": changed("at", DATA["at"].cast(pa.timestamp("ms", "UTC"))),
    "another zone": changed("at", DATA["at"].cast(pa.timestamp("us", "Europe/Kyiv"))),
    "no zone": changed("at", DATA["at"].cast(pa.timestamp("us"))),
    "dates": changed("at", pa.array([datetime(2026, 1, 1, tzinfo=UTC).date()] * 39)),
    "empty ids": changed("ride", pa.array(["", None, "r"] * 13)),
    "no time": DATA.drop_columns("at"),
    "no id": DATA.drop_columns("ride"),
    "no input": DATA.drop_columns("km"),
    "an unused input is missing": changed("unused", pa.nulls(39, pa.float64())),
    "more columns": DATA.append_column("minutes", pa.array(["soon"] * 39)).append_column("x", pa.array([[1]] * 39)),
    "a column of ours": DATA.append_column("__file__", pa.array(range(39))),
    "only the case differs": DATA.append_column("KM", pa.array(range(39))),
    "no rows": DATA.slice(0, 0),
}  # fmt: skip


@pytest.mark.parametrize("table", ODD.values(), ids=ODD.keys())
def test_both_ways_give_the_same(both: Both, table: pa.Table) -> None:
    direct, engine = both(table)
    assert direct == engine


CELLS = {
    "km": st.floats(width=64, allow_nan=True, allow_infinity=True),
    "speed": st.none() | st.floats(allow_nan=True, allow_infinity=False),
    "sky": st.none() | st.text(max_size=3),
    "ride": st.none() | st.text(max_size=3),
}


@given(data=st.data(), name=st.sampled_from(sorted(CELLS)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_ways_give_the_same_for_odd_values(both: Both, data: st.DataObject, name: str) -> None:
    values = DATA[name].to_pylist()
    place = data.draw(st.integers(0, len(values) - 1))
    values[place] = data.draw(CELLS[name])
    direct, engine = both(changed(name, pa.array(values, DATA[name].type)))
    assert direct == engine


def test_where_the_engine_takes_over_no_row_is_lost_or_scored_twice(
    exported: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict_parquet, "BATCH_ROWS", 100)
    rows = 1000
    speed = np.full(rows, 30.0)
    speed[731] = np.inf
    table = pa.table({"ride": [f"r{n}" for n in range(rows)], "km": np.arange(rows) / 7, "speed": speed})
    table = table.append_column("sky", pa.array(["rain"] * rows)).append_column("unused", pa.array(np.zeros(rows)))
    pq.write_table(table, tmp_path / "data.parquet")
    found, rejected = score(exported, tmp_path / "data.parquet")
    assert found["ride"].to_pylist() == [f"r{n}" for n in range(rows) if n != 731]
    assert found["prediction"].to_pylist() == [60 * (n / 7) / 30 + 5 for n in range(rows) if n != 731]
    assert [(entry[0], entry[1]) for entry in rejected] == [("data.parquet", 732)]


def test_a_folder_is_read_in_the_order_of_its_files(exported: Run, tmp_path: Path) -> None:
    for number, start in enumerate((0, 13, 26)):
        pq.write_table(DATA.slice(start, 13), tmp_path / f"part-{number}.parquet")
    found, _ = score(exported, tmp_path)
    assert found["ride"].to_pylist() == DATA["ride"].to_pylist()


def test_each_row_alone_gets_what_all_together_get(exported: Run, tmp_path: Path) -> None:
    pq.write_table(DATA, tmp_path / "all.parquet")
    pq.write_table(DATA.slice(7, 1), tmp_path / "one.parquet")
    everything, _ = score(exported, tmp_path / "all.parquet")
    alone, _ = score(exported, tmp_path / "one.parquet")
    assert alone.to_pylist() == everything.slice(7, 1).to_pylist()


def test_a_damaged_file_is_an_error_that_names_it(exported: Run, tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(pa.concat_tables([DATA] * 50), path, compression="none", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[4:200] = bytes(196)
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        score(exported, path)
    assert "data.parquet" in str(caught.value)


@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.parquet"])
def test_every_format_holds_the_same_rows(exported: Run, tmp_path: Path, output: str) -> None:
    from modelwright.cli.app import run

    pq.write_table(DATA, tmp_path / "data.parquet")
    expected, _ = score(exported, tmp_path / "data.parquet")
    path = tmp_path / output
    assert run(["predict", str(exported.path), str(tmp_path / "data.parquet"), "-o", str(path), "--quiet"]) == 0
    if output.endswith("jsonl"):
        found = [json.loads(line) for line in path.read_text().splitlines()]
        assert [row["prediction"] for row in found] == expected["prediction"].to_pylist()
        assert found[0]["at"] == "2026-01-01T00:00:00Z"
        return
    table = pq.read_table(path) if output.endswith("parquet") else pyarrow.csv.read_csv(path)
    assert table.column_names == expected.column_names
    assert table["prediction"].to_pylist() == expected["prediction"].to_pylist()
    assert table["ride"].to_pylist() == expected["ride"].to_pylist()
