"""What prepare finds for people to look at, and that nothing in the data breaks out of its place in the report."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelwright.chains.run import run_stage
from modelwright.core.progress import Silent
from modelwright.runs.store import Run, Store
from modelwright.spec.load import load
from modelwright.stages.job import Job
from modelwright.tables.sampling import sample

EVIL = "</script><img src=x onerror=alert(1)>"
SPEC = """\
name: moved
task: {{kind: {kind}, target: {target}}}
prepare:
  source: {{kind: csv, path: data.csv}}
  columns: {{at: {{type: timestamp, role: time, timezone: UTC}}}}
  split: {{kind: time, validation: 0.2, test: 0.2}}
"""


def prepared(folder: Path, kind: str, target: str) -> Run:
    random = np.random.default_rng(0)
    with (folder / "data.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["at", "same", "moves", EVIL, "minutes", "late"])
        for row in range(1000):
            moves = random.normal(0 if row < 800 else 3)
            word = f"{EVIL} {row % 3}"
            minutes = 3 * (row % 3) + random.normal()
            late = EVIL if minutes > 3 else "no"
            writer.writerow([f"2026-01-{1 + row // 50:02d}", random.normal(), moves, word, f"{minutes:.4f}", late])
    (folder / "spec.yaml").write_text(SPEC.format(kind=kind, target=target))
    loaded = load(folder / "spec.yaml", ())
    return run_stage("prepare", Job(loaded.spec, loaded.base, Store(folder / "runs")), Silent()).run


@pytest.mark.parametrize(("kind", "target"), [("regression", "minutes"), ("binary", "late")])
def test_what_tells_what_moves_and_nothing_escapes(tmp_path: Path, kind: str, target: str):
    run = prepared(tmp_path, kind, target)
    found = run.read_json("insights.json")
    explained = {name: entry["explained"] for name, entry in found["columns"].items()}
    assert explained[EVIL] > 0.4 > 0.05 > explained["same"] and explained[target] is None
    drifted = {split: [entry["column"] for entry in found["splits"][split]] for split in ("validation", "test")}
    assert "moves" in drifted["test"] and "moves" not in drifted["validation"]
    assert "same" not in drifted["test"] + drifted["validation"]
    report = run.read_bytes("report.html").decode()
    assert "<img src=x" not in report and "What tells of the target" in report
    assert "test (those that judge) differs from learn in moves" in report


def test_a_sample_is_all_rows_or_evenly_spaced_ones(tmp_path: Path):
    path = tmp_path / "table.parquet"
    table = pa.table({"x": range(300_000), "y": range(300_000)})
    pq.write_table(table, path, row_group_size=10_000)
    found = sample(path, ["x"])
    values = found["x"].to_numpy()
    assert found.column_names == ["x"] and len(values) == 50_000 and found.equals(sample(path, ["x"]))
    assert values[0] == 0 and values[-1] == 299_999 and np.all(np.diff(values) > 0)
    pq.write_table(table.slice(0, 7), path)
    assert sample(path, ["x", "y"]).num_rows == 7
