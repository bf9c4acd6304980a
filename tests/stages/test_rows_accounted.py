"""Whatever reads, cleans and splits them: rows read = refused + removed + learn + validation + test."""

from __future__ import annotations

import gzip
import itertools
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from modelwright.core.progress import Silent
from modelwright.parts import catalog
from modelwright.runs.commit import begin
from modelwright.runs.store import Store
from modelwright.spec.load import load
from modelwright.stages import prepare
from modelwright.stages.job import Job
from modelwright.stages.prepared_rows import PreparedRows, prepare_rows
from modelwright.tables.engine import Engine

Row = dict[str, Any]
ROWS = 200


def rows() -> list[Row]:
    """Some texts in `km` and `day` are no numbers and no dates, some targets are missing, some rows come twice."""
    made: list[Row] = [
        {
            "n": str(number),
            "at": f"2026-01-{1 + number // 10:02d}T{number % 24:02d}:00:00Z",
            "shop": f"S{number % 13}",
            "fold": ("train", "train", "train", "dev", "test")[number % 5],
            "x": 900.5 if number % 50 == 3 else number * 7919 % 101 / 7,
            "km": "far" if number % 67 == 9 else f"{number % 31} km",
            "day": "someday" if number % 71 == 8 else f"{1 + number % 28:02d}.02.2026",
            "y": None if number % 40 == 17 else float(number * 31 % 17),
        }
        for number in range(ROWS)
    ]
    return made + [dict(made[number]) for number in (0, 3, 50, 199)]


def to_csv(given: list[Row]) -> str:
    lines = [",".join("" if value is None else str(value) for value in row.values()) for row in given]
    return "\n".join([",".join(given[0]), *lines]) + "\n"


def csv(folder: Path) -> dict[str, Any]:
    """In two files, one of them packed; two lines are ragged."""
    first, second = rows()[:150], rows()[150:]
    (folder / "rows_a.csv").write_text(to_csv(first) + "1,2,3\n")
    (folder / "rows_test.csv.gz").write_bytes(gzip.compress((to_csv(second) + "9,\n").encode()))
    return {"path": "rows_*"}


def jsonl(folder: Path) -> dict[str, Any]:
    lines = [json.dumps({name: value for name, value in row.items() if value is not None}) for row in rows()]
    (folder / "rows.jsonl").write_text("\n".join([*lines[:30], "", "{torn", *lines[30:], "[1]"]) + "\n")
    return {"path": "rows.jsonl"}


def table() -> pa.Table:
    """With an infinite number, which is refused."""
    given = rows()
    given[5]["x"] = float("inf")
    return pa.Table.from_pylist(given)


def parquet(folder: Path) -> dict[str, Any]:
    pq.write_table(table(), folder / "rows.parquet", row_group_size=50)
    return {"path": "rows.parquet"}


def arrow(folder: Path) -> dict[str, Any]:
    feather.write_feather(table(), folder / "rows.feather")
    return {"path": "rows.feather"}


def excel(folder: Path) -> dict[str, Any]:
    book = openpyxl.Workbook()
    book.active.append(list(rows()[0]))
    for row in rows():
        book.active.append(list(row.values()))
    book.save(folder / "rows.xlsx")
    return {"path": "rows.xlsx"}


def sqlite(folder: Path) -> dict[str, Any]:
    with sqlite3.connect(folder / "rows.db") as made:
        made.execute(f"CREATE TABLE rides ({', '.join(rows()[0])})")
        made.executemany("INSERT INTO rides VALUES (?,?,?,?,?,?,?,?)", [tuple(row.values()) for row in rows()])
    made.close()
    return {"path": "rows.db", "table": "rides"}


def query(folder: Path) -> dict[str, Any]:
    """A join, of sources of which one refuses rows."""
    csv(folder)
    (folder / "shops.csv").write_text("shop,city\n" + "".join(f"S{n},C{n % 3}\n" for n in range(13)) + "S13\n")
    sources = {"rides": {"kind": "csv", "path": "rows_*"}, "shops": {"kind": "csv", "path": "shops.csv"}}
    joined = "SELECT rides.*, city FROM rides LEFT JOIN shops USING (shop) ORDER BY n, x"
    return {"sources": sources, "query": joined, "max_reject_share": 0.2}


READERS: tuple[Callable[[Path], dict[str, Any]], ...] = (csv, jsonl, parquet, arrow, excel, sqlite, query)
OWN = """\
import pandas
def clean(frame):
    frame = frame[frame["x"] < 14]
    return pandas.concat([frame, frame.head(3).assign(n=["1001", "1002", "1003"]).reset_index(drop=True)])
"""
KM: Row = {"kind": "replace", "columns": ["km"], "pattern": " km$"}
CLEANERS: dict[str, list[Row]] = {
    "nothing": [],
    "duplicates and outliers": [
        {"kind": "drop_duplicates", "keys": ["n"]},
        {"kind": "drop_rows", "where": "x < 1"},
        {"kind": "drop_outliers", "columns": ["x"]},
    ],
    "refused by cast and dates": [
        KM,
        {"kind": "cast", "columns": ["km"], "to": "number", "failed": "reject"},
        {"kind": "parse_dates", "columns": ["day"], "formats": ["%d.%m.%Y"], "timezone": "UTC", "failed": "reject"},
    ],
    "own code": [{"kind": "python", "file": "own.py"}],
    "all of it": [
        {"kind": "drop_duplicates", "keys": ["n"], "keep": "last", "order": "x"},
        KM,
        {"kind": "drop_outliers", "columns": ["x"], "method": "isolation_forest", "trees": 10},
        {"kind": "cast", "columns": ["km"], "to": "number", "failed": "reject"},
        {"kind": "python", "file": "own.py"},
        {"kind": "drop_outliers", "columns": ["x"], "method": "z_score"},
        {"kind": "drop_rows", "where": "x > 13"},
    ],
}
SPLITS: tuple[Row, ...] = (
    {"kind": "random"},
    {"kind": "time", "gap": "1d"},
    {"kind": "stratified", "column": "fold"},
    {"kind": "column", "column": "fold"},
    {"kind": "random", "group": "shop", "validation": 0.3, "test": 0.3},
)
BY_FILE: Row = {"kind": "files", "test": "*_test.csv.gz"}


def job_for(folder: Path, reader: str, source: Row, clean: list[Row], split: Row) -> Job:
    (folder / "own.py").write_text(OWN)
    section: Row = {
        "source": {"kind": reader, **source},
        "max_reject_share": 0.2,
        "columns": {
            "n": {"role": "id", "type": "text"},
            "at": {"type": "timestamp", "role": "time"},
            **{name: {"type": "text"} for name in ("km", "day")},
            "x": {"type": "number"},
        },
        "clean": clean,
        "split": split,
    }
    spec = {"name": "rides", "task": {"kind": "regression", "target": "y"}, "prepare": section}
    (folder / "spec.yaml").write_text(json.dumps(spec))
    loaded = load(folder / "spec.yaml")
    return Job(loaded.spec, loaded.base, Store(folder / "runs"), spec_text=loaded.text)


def balanced(engine: Engine, found: PreparedRows) -> None:
    """The account and the tables say the same, and no row is missing from them."""
    removed = sum(entry["removed"] for entry in found.removed)
    assert found.read == found.rejected + removed + sum(found.splits.values()), found
    counted = dict(engine.rows('SELECT "__split__", count(*) FROM rows GROUP BY 1'))
    assert counted == {name: size for name, size in found.splits.items() if size}
    assert engine.value("SELECT count(*) FROM rejects") == found.rejected


CASES = [
    (reader, clean, SPLITS[(one + other) % len(SPLITS)])
    for (one, reader), (other, clean) in itertools.product(enumerate(READERS), enumerate(CLEANERS))
] + [(csv, clean, BY_FILE) for clean in CLEANERS]


@pytest.mark.parametrize(("reader", "clean", "split"), CASES)
def test_every_row_goes_somewhere(engine: Engine, tmp_path: Path, reader: Any, clean: str, split: Row) -> None:
    job = job_for(tmp_path, reader.__name__, reader(tmp_path), CLEANERS[clean], split)
    with begin(job.store, prepare.plan(job).identity, spec_text=job.spec_text, threads=1) as staged:
        found = prepare_rows(engine, job, prepare.split_of(job), staged, Silent())
    balanced(engine, found)
    unread = {csv: 2, jsonl: 2, parquet: 1, arrow: 1, excel: 0, sqlite: 0, query: 3}[reader]
    delivered = len(rows()) + unread - (reader in (parquet, arrow))
    assert found.read == delivered
    assert found.rejected >= unread
    if clean == "nothing":
        assert found.rejected == unread and found.splits["learn"] > 50
    kept = [name for (name,) in engine.rows("SELECT n FROM rows")]
    assert {name for name in kept if int(name) < 1000} <= {row["n"] for row in rows()}
    if "drop_duplicates" in str(CLEANERS[clean]):
        assert len(set(kept)) == len(kept)
    assert ("1002" in kept) == ("python" in str(CLEANERS[clean])) or split["kind"] == "time"


def test_the_matrix_has_every_split_and_every_cleaner_that_takes_rows_away() -> None:
    assert {split["kind"] for _, _, split in CASES} == set(catalog.builtin_kinds("splits"))
    used = {entry["kind"] for clean in CLEANERS.values() for entry in clean}
    assert {"strip", "normalise_text", "drop_columns"} == set(catalog.builtin_kinds("cleaners")) - used
