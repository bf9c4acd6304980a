"""A small project of a few hundred trips: fast enough to run whole chains of stages in a test."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.chains.run import run_stage
from modelwright.core.progress import Silent
from modelwright.runs.aliases import Aliases
from modelwright.runs.store import Store
from modelwright.spec.load import load
from modelwright.stages.job import Job, Result

SPEC = """\
name: trips
task: {kind: TASK, target: TARGET}
seed: 3
prepare:
  source: {kind: csv, path: "data/*.csv"}
  columns:
    trip: {role: id}
    at: {type: timestamp, role: time, timezone: UTC}
    OTHER: {role: ignore}
  split: {kind: random, validation: 0.2, test: 0.3}
train:
  model: {kind: ridge}
tune:
  model: {kind: lightgbm, iterations: 20}
  trials: 3
evaluate:
  resamples: 200
  slices: [weather]
  gates:
    - {kind: not_worse_than, metric: rmse, min_rows: 50}
monitor:
  window: {last: 7d}
  retrain: {after: 2, of: 3}
"""


@dataclass(frozen=True)
class Trips:
    """The project's folder; `write` adds a file of trips, `stage` runs a stage on all of them."""

    folder: Path
    overrides: tuple[str, ...] = ()

    def write(self, file: str, rows: int, *, seed: int, shift: float = 0.0, slope: float = 3.0) -> Path:
        """`shift` moves the distances, `slope` is how many minutes a kilometre takes."""
        path = self.folder / "data" / file
        path.parent.mkdir(exist_ok=True)
        with path.open("w", newline="") as handle:
            writer = csv.DictWriter(handle, ["trip", "at", "km", "weather", "minutes", "late"])
            writer.writeheader()
            writer.writerows(trips(rows, seed, shift, slope))
        return path

    def job(self, *overrides: str, **options: Any) -> Job:
        loaded = load(self.folder / "spec.yaml", (*self.overrides, *overrides))
        store = Store(self.folder / "runs")
        return Job(loaded.spec, loaded.base, store, spec_text=loaded.text, options=options)

    def stage(self, name: str, *overrides: str, **options: Any) -> Result:
        return run_stage(name, self.job(*overrides, **options), Silent())

    def stages(self, *names: str) -> Result:
        return [self.stage(name) for name in names][-1]

    def copied(self, folder: Path) -> Trips:
        """The project with its runs, for a test to change: making them is what takes time."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return replace(self, folder=folder)

    @property
    def aliases(self) -> Aliases:
        return Aliases(Store(self.folder / "runs"), "trips")


def trips(rows: int, seed: int, shift: float, slope: float) -> Iterable[dict[str, Any]]:
    random = np.random.default_rng(seed)
    for number in range(rows):
        km = random.uniform(1, 20) + shift
        wet = random.random() < 0.3
        minutes = slope * km + 5 * wet + random.normal(0, 1)
        yield {
            "trip": f"{seed}-{number}",
            "at": f"2026-01-{1 + seed % 28:02d}T{number % 24:02d}:00:00",
            "km": round(km, 3),
            "weather": "wet" if wet else "dry",
            "minutes": round(minutes, 3),
            "late": "yes" if minutes > 35 + random.normal(0, 5) else "no",
        }


def project(folder: Path, task: str = "regression", target: str = "minutes", rows: int = 600) -> Trips:
    other = "late" if target == "minutes" else "minutes"  # each would give the other away
    metric = "rmse" if task == "regression" else "roc_auc"
    text = (
        SPEC.replace("TASK", task)
        .replace("TARGET", target)
        .replace("OTHER", other)
        .replace("metric: rmse", f"metric: {metric}")
    )
    if task != "regression":
        text = text.replace("{kind: ridge}", "{kind: logistic}")
    (folder / "spec.yaml").write_text(text)
    made = Trips(folder)
    made.write("first.csv", rows, seed=1)
    return made
