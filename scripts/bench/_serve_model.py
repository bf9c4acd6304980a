"""Makes what the serving benchmark serves: LightGBM with 200 trees over 20 numeric and 10 text columns, exported."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from _process import cost_of

ROWS = 20_000
NUMBERS = [f"num_{place}" for place in range(20)]
CATEGORIES = [f"cat_{place}" for place in range(10)]
LEVELS = (5, 12, 60)  # distinct values of the text columns, in turns
SPEC = """\
name: bench
task: {kind: binary, target: label}
seed: 7
prepare:
  source: {kind: csv, path: table.csv}
  split: {kind: random, validation: 0.1, test: 0.1}
train:
  model: {kind: lightgbm, iterations: 200, early_stopping_rounds: null}
"""


@dataclass(frozen=True)
class Served:
    """The bundle, the same graph as training wrote it, and rows to ask for."""

    bundle: Path
    graph: Path
    rows: list[dict[str, Any]]


def make(folder: Path) -> Served:
    """Prepare, train and export in a folder; what is already there is not made again."""
    rows = _rows()
    if not (folder / "table.csv").exists():
        _write(folder / "table.csv", rows)
        (folder / "bench.yaml").write_text(SPEC, encoding="utf-8")
    prepared = _run(folder, "prepare")
    trained = _run(folder, "train", "--from", prepared)
    exported = _run(folder, "export", "--from", trained, "--ungated")
    asked = [{key: value for key, value in row.items() if key != "label"} for row in rows[:1000]]
    runs = folder / "runs/bench"
    return Served(runs / exported, runs / trained / "model.onnx", asked)


def _run(folder: Path, stage: str, *options: str) -> str:
    """The run's name, such as train/v0001."""
    return str(json.loads(cost_of([stage, "bench.yaml", "--json", *options], folder).output)["run"])


def _rows() -> list[dict[str, Any]]:
    random = np.random.default_rng(7)
    numbers = random.normal(0, 1, (ROWS, len(NUMBERS))).round(4)
    codes = [random.integers(0, LEVELS[place % 3], ROWS) for place in range(len(CATEGORIES))]
    signal = numbers[:, :8] @ random.normal(0, 0.5, 8) + sum(np.sin(code * 1.7) for code in codes[:5]) * 0.5
    labels = np.where(signal + random.logistic(0, 1, ROWS) > 0, "yes", "no")
    return [
        {
            **dict(zip(NUMBERS, numbers[row].tolist(), strict=True)),
            **{name: f"level_{code[row]}" for name, code in zip(CATEGORIES, codes, strict=True)},
            "label": str(labels[row]),
        }
        for row in range(ROWS)
    ]


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(rows[0]) + "\n")
        for row in rows:
            file.write(",".join(map(str, row.values())) + "\n")
