"""More rows than the engine gives to one thread: whatever the number of threads, each file has the same bytes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import duckdb
import pytest

from modelwright.chains.run import run_stage
from modelwright.core.progress import Silent
from modelwright.runs.store import Store
from modelwright.spec.load import load
from modelwright.stages.job import Job

ROWS = 260_000  # the engine's threads share a table by pieces of 122,880 rows
MADE = f"""
SELECT setseed(0.5);
COPY (
    SELECT 'r' || (i % {ROWS - 5000})::VARCHAR AS id, 'c' || (hash(i) % 400)::VARCHAR AS courier,
        (TIMESTAMP '2026-01-01' + to_seconds(i * 60)) AS at,
        CASE WHEN random() < 0.02 THEN NULL ELSE exp(random() * 9) / 7 END AS km, random() * 1e-7 + 3 AS fine,
        ['dry', 'rain', 'snow', NULL][1 + (hash(i, 1) % 4)::INTEGER] AS weather,
        (hash(i, 2) % 9)::INTEGER AS stops, exp(random() * 3) + (hash(i) % 400) / 13.0 AS minutes
    FROM range({ROWS}) AS made(i)
) TO 'FILE' (HEADER, DELIMITER ',')
"""
SPEC = {
    "name": "many",
    "task": {"kind": "regression", "target": "minutes"},
    "prepare": {
        "source": {"kind": "csv", "path": "many.csv"},
        "columns": {
            "id": {"role": "id"},
            "courier": {"role": "entity"},
            "at": {"type": "timestamp", "role": "time", "timezone": "UTC"},
        },
        "clean": [
            {"kind": "drop_duplicates", "keys": ["id"], "keep": "last"},
            {"kind": "drop_outliers", "columns": ["km"], "method": "z_score", "factor": 4},
        ],
        "history": [
            {"kind": "rolling", "columns": ["minutes"], "window": "3d", "statistics": ["mean", "std"], "delay": "1h"},
            {"kind": "expanding", "columns": ["fine"], "statistics": ["mean", "std"]},
        ],
        "checks": [{"kind": "between", "columns": ["km"], "max": 1000, "severity": "warn"}],
        "split": {"kind": "time"},
        "features": [
            {"kind": "datetime_parts", "columns": ["at"], "parts": ["hour"]},
            {"kind": "impute", "columns": "numeric", "strategy": "mean"},
            {"kind": "standardize", "columns": "numeric"},
            {"kind": "one_hot", "columns": ["weather"]},
        ],
    },
}  # fmt: skip


def test_the_same_bytes_for_one_two_and_three_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    duckdb.connect(config={"threads": 1}).execute(MADE.replace("FILE", str(tmp_path / "many.csv")))
    (tmp_path / "spec.yaml").write_text(json.dumps(SPEC))
    loaded = load(tmp_path / "spec.yaml")
    found = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, threads=threads: set(range(threads)))
        store = Store(tmp_path / f"runs-{threads}")
        run = run_stage("prepare", Job(loaded.spec, loaded.base, store, spec_text=loaded.text), Silent()).run
        assert run.manifest.threads == threads
        found.append({name: output.sha256 for name, output in run.manifest.outputs.items()})
    assert len(found[0]) > 10
    for other in found[1:]:
        assert [name for name, digest in found[0].items() if other[name] != digest] == []
