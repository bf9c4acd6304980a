"""Everything together: each part that rows go through, on one messy table, from the raw file to the answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from modelwright.cli import app
from modelwright.parts import catalog
from modelwright.runs.store import Run, Store
from modelwright.serving.bundle import open_bundle
from modelwright.serving.model import ServedModel
from modelwright.serving.rows import json_rows
from modelwright.serving.settings import Limits
from stories import messy
from stories.story import once

STAGES = ("prepare", "train", "evaluate", "export")
TELL = "import sys; from modelwright.cli import app; sys.exit(max(app.run(line.split()) for line in sys.argv[1:]))"


def told_in(name: str) -> tuple[str, ...]:
    return STAGES if name in messy.FULL else ("prepare",)


def commands() -> list[str]:
    return [f"{stage} {name}.yaml --quiet" for name in messy.SPECS for stage in told_in(name)]


def digests(folder: Path) -> dict[str, str]:
    """Of every hashed file of every run."""
    store = Store(folder / "runs")
    runs = [store.open(name, stage, 1) for name in messy.SPECS for stage in told_in(name)]
    return {f"{run.name}/{run.label}/{file}": out.sha256 for run in runs for file, out in run.manifest.outputs.items()}


@pytest.fixture(scope="module")
def told(shared: Path) -> Path:
    """All specs, told in this process with one thread."""
    folder = shared / "everything"
    with once(folder) as to_do, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(os, "sched_getaffinity", lambda _: {0})
        if to_do:
            messy.write(folder)
        for command in commands() if to_do else ():
            assert app.run(command.split()) == 0, command
    return folder


def first(folder: Path, name: str, stage: str) -> Run:
    return Store(folder / "runs").open(name, stage, 1)


def test_every_part_that_rows_go_through_is_here() -> None:
    """A new cleaner, check, split or step belongs into one of the specs."""
    sections = [yaml.safe_load(spec)["prepare"] for spec in messy.SPECS.values()]
    for section, room in {
        "clean": "cleaners",
        "checks": "checks",
        "history": "history",
        "features": "features",
    }.items():
        used = {part["kind"] for each in sections for part in each.get(section, [])}
        assert set(catalog.builtin_kinds(room)) == used, room
    assert set(catalog.builtin_kinds("splits")) == {each["split"]["kind"] for each in sections}


def test_the_same_bytes_elsewhere_whatever_the_threads_and_the_environment(told: Path, tmp_path: Path) -> None:
    """Another process in another folder, with other hashes of strings, another zone and another language."""
    elsewhere = tmp_path / "näher dran"
    elsewhere.mkdir()
    messy.write(elsewhere)
    there = {
        "PYTHONHASHSEED": "3",
        "OPENBLAS_NUM_THREADS": "3",
        "TZ": "Asia/Kolkata",
        "LC_ALL": "tr_TR.UTF-8",
        "LANG": "tr_TR.UTF-8",
    }
    code = f"import os; os.sched_getaffinity = lambda _: {{0, 1, 2}}; {TELL}"
    line = [sys.executable, "-c", code, *commands()]
    done = subprocess.run(line, cwd=elsewhere, env={**os.environ, **there}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    here, again = digests(told), digests(elsewhere)
    assert here.keys() == again.keys()
    assert [name for name in here if here[name] != again[name]] == []


def test_told_again_nothing_is_done(told: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(told)
    before = digests(told)
    for command in commands():
        assert app.run(command.split()) == 0
    assert [path.name for path in told.glob("runs/*/*/v*") if path.name != "v0001"] == []
    assert digests(told) == before


@pytest.mark.parametrize("name", messy.SPECS)
def test_every_row_is_accounted_for(told: Path, name: str) -> None:
    run = first(told, name, "prepare")
    rows = run.read_json("rows.json")["rows"]
    sizes = {
        split: pq.read_metadata(run.file(f"{split}.parquet")).num_rows for split in ("learn", "validation", "test")
    }
    assert {split: rows[split] for split in sizes} == sizes
    assert rows["rejected"] == pq.read_metadata(run.file("rejects.parquet")).num_rows == 2
    removed = sum(entry["removed"] for entry in rows["removed"])
    assert rows["read"] == len(messy.rides()) == rows["rejected"] + removed + sum(sizes.values())


@pytest.mark.parametrize("name", messy.FULL)
def test_answers_to_json_are_what_evaluate_wrote_to_the_last_bit(told: Path, name: str) -> None:
    bundle = open_bundle(first(told, name, "export").path)
    served = ServedModel(bundle.signature, bundle.model, version=1, limits=Limits())
    test = pq.read_table(first(told, name, "prepare").file("test.parquet"))
    written = pq.read_table(first(told, name, "evaluate").file("predictions.parquet")).to_pylist()
    assert len(written) == test.num_rows > 40
    for row, expected in zip(json_rows(test, bundle.signature.fields), written, strict=True):
        body = json.dumps({"rows": [row]}).encode()
        (answer,) = served.predictions(served.score(served.decoder.decode(body)))
        assert answer == as_answered(expected)


def as_answered(written: dict[str, Any]) -> dict[str, Any]:
    shares = {name.removeprefix("probability_"): value for name, value in written.items() if "probability_" in name}
    return {"prediction": written["prediction"], **({"probability": shares} if shares else {})}


@pytest.mark.parametrize("name", messy.FULL)
def test_predict_from_the_raw_file_is_what_evaluate_wrote(
    told: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(told)
    output = tmp_path / "out.parquet"
    past = ["--past", "rides.csv"] if name == "time" else []
    bundle = f"runs/{name}/export/v0001"
    assert app.run(["predict", bundle, "rides.csv", "-o", str(output), "--quiet", *past]) == 0
    predicted = {row["ride"]: row for row in pq.read_table(output).to_pylist()}
    written = pq.read_table(first(told, name, "evaluate").file("predictions.parquet")).to_pylist()
    compared = [row for row in written if row["ride"] in predicted and row["ride"]]
    assert len(compared) > 0.9 * len(written)
    for row in compared:
        assert as_answered(predicted[row["ride"]]) == as_answered(row), row["ride"]
