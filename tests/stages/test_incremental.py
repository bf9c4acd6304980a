"""A growing folder: only what is new is parsed, and the tables are those that reading everything gives."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelwright.chains.run import run_stage
from modelwright.core.progress import Silent
from modelwright.parts import catalog
from modelwright.runs.store import Run, Store
from modelwright.spec.load import load
from modelwright.stages.job import Job

SPEC = """\
name: rides
task: {{kind: regression, target: min}}
prepare:
  source: {{kind: {kind}, path: data, incremental: {incremental}}}
  max_reject_share: 0.5
"""


class Heard(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def rows(seed: int) -> list[dict[str, object]]:
    chance = random.Random(seed)
    return [
        {"km": round(chance.uniform(1, 30), 3), "where": chance.choice("abc"), "min": chance.randint(5, 90)}
        for _ in range(120)
    ]


def write(folder: Path, kind: str, number: int, table: list[dict[str, object]]) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"week-{number}.{kind}"
    if kind == "csv":
        lines = [",".join(table[0]), *(",".join(map(str, row.values())) for row in table), "1,2", ""]
        path.write_text("\n".join(lines))
    elif kind == "jsonl":
        extra = [{"p": {"lat": number, **({"lon": 1.5} if number > 1 else {})}, f"only_{number}": 1, "min": 7}]
        path.write_text("".join(json.dumps(row) + "\n" for row in [*table, *extra]) + "{torn\n")
    else:
        pq.write_table(pa.Table.from_pylist(table), path)
    return path


def prepare(folder: Path, kind: str, *, incremental: bool, runs: str) -> tuple[Run, list[str]]:
    spec = folder / f"{runs}.yaml"
    spec.write_text(SPEC.format(kind=kind, incremental=str(incremental).lower()))
    loaded, heard = load(spec), Heard()
    job = Job(loaded.spec, loaded.base, Store(folder / runs), spec_text=loaded.text)
    return run_stage("prepare", job, heard).run, heard.said


def same_tables(one: Run, other: Run) -> bool:
    names = ["learn.parquet", "validation.parquet", "test.parquet", "rejects.parquet", "features.onnx", "schema.json"]
    return all(one.read_bytes(name) == other.read_bytes(name) for name in names)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_only_new_files_are_read_and_the_tables_are_the_same(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    write(data, kind, 1, rows(1))
    write(data, kind, 2, rows(2))
    prepare(tmp_path, kind, incremental=True, runs="growing")
    write(data, kind, 3, rows(3))
    opened: list[str] = []
    reader = catalog.load("readers", kind)
    read = reader.read  # type: ignore[attr-defined]

    def noted(self: object, engine: object, base: Path) -> object:
        opened.append(Path(self.path).name)  # type: ignore[attr-defined]
        return read(self, engine, base)

    with monkeypatch.context() as patch:
        patch.setattr(reader, "read", noted)
        grown, said = prepare(tmp_path, kind, incremental=True, runs="growing")
    assert opened == [f"week-3.{kind}"]
    assert "read 1 new or changed files, 2 taken from prepare/v0001" in said
    whole, _ = prepare(tmp_path, kind, incremental=False, runs="whole")
    assert same_tables(grown, whole)


def test_changed_files_are_read_again_and_rows_of_removed_ones_go(tmp_path: Path) -> None:
    data = tmp_path / "data"
    paths = [write(data, "csv", number, rows(number)) for number in (1, 2, 3)]
    prepare(tmp_path, "csv", incremental=True, runs="growing")
    paths[0].unlink()
    write(data, "csv", 2, rows(9))
    (data / "week-4.csv").write_text("km,where,min\n")  # no rows yet
    grown, said = prepare(tmp_path, "csv", incremental=True, runs="growing")
    assert (
        "read 2 new or changed files, 1 taken from prepare/v0001; 2 of prepare/v0001 are gone, and their rows" in said
    )
    whole, _ = prepare(tmp_path, "csv", incremental=False, runs="whole")
    assert same_tables(grown, whole)
    again, _ = prepare(tmp_path, "csv", incremental=True, runs="growing")
    assert again.version == grown.version, "nothing changed, so nothing is done"


def test_other_settings_of_the_reader_read_everything_again(tmp_path: Path) -> None:
    write(tmp_path / "data", "csv", 1, rows(1))
    prepare(tmp_path, "csv", incremental=True, runs="growing")
    spec = tmp_path / "growing.yaml"
    spec.write_text(spec.read_text().replace("path: data", "path: data, null_words: [c]"))
    loaded, heard = load(spec), Heard()
    run_stage("prepare", Job(loaded.spec, loaded.base, Store(tmp_path / "growing"), spec_text=loaded.text), heard)
    assert "read 1 new or changed files" in heard.said


def test_a_refused_value_of_a_file_read_before_has_its_line(tmp_path: Path) -> None:
    table = [*rows(1), *rows(2)]
    table[17]["km"] = "far"
    path = write(tmp_path / "data", "csv", 1, table)
    with gzip.open(tmp_path / "data" / "week-0.csv.gz", "wb") as file:
        file.write(path.read_bytes().replace(b"far", b"1"))
    prepare(tmp_path, "csv", incremental=True, runs="growing")
    write(tmp_path / "data", "csv", 2, rows(3))
    grown, _ = prepare(tmp_path, "csv", incremental=True, runs="growing")
    refused = pq.read_table(grown.file("rejects.parquet")).to_pylist()
    assert ("data/week-1.csv", 19, "far") in [(row["file"], row["line"], row["value"]) for row in refused]


def test_a_file_that_changes_while_it_is_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelwright.core.errors import DataError

    path = write(tmp_path / "data", "csv", 1, rows(1))
    reader = catalog.load("readers", "csv")
    read = reader.open  # type: ignore[attr-defined]

    def appended(self: object, engine: object, base: Path) -> object:
        found = read(self, engine, base)
        path.write_text(path.read_text() + "1,a,2\n")
        return found

    monkeypatch.setattr(reader, "open", appended)
    with pytest.raises(DataError, match=r"week-1\.csv: the file changed while it was read"):
        prepare(tmp_path, "csv", incremental=False, runs="whole")
