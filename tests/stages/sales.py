"""A small project whose rows have everything that tasks without a target, or with several, need."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.chains.run import run_stage
from modelwright.core.progress import Silent
from modelwright.runs.store import Store
from modelwright.spec.load import load
from modelwright.stages.job import Job, Result

SPEC = """\
name: sales
task: {TASK}
seed: 3
prepare:
  source: {{kind: csv, path: "sales.csv"}}
  columns:
    sale: {{role: id}}
    {IGNORED}
train:
  model: {MODEL}
tune: {{trials: 3}}
evaluate: {{resamples: 100, slices: [city]}}
serve: {{log: {{folder: log}}}}
"""
TARGETS = ("price", "weight", "fresh", "local", "odd")  # of one task or another; inputs of none
# Task, model and what is tuned of it.
TASKS = {
    "clustering": ("{kind: clustering}", "{kind: k_means, clusters: 3}"),
    "density": ("{kind: clustering}", "{kind: dbscan, radius: 1.0}"),
    "dimension_reduction": ("{kind: dimension_reduction}", "{kind: pca, components: 2}"),
    "anomaly": ("{kind: anomaly}", "{kind: isolation_forest, trees: 50}"),
    "labelled_anomaly": ("{kind: anomaly, labels: odd, positive: odd}", "{kind: robust_covariance}"),
    "multilabel": ("{kind: multilabel, target: [fresh, local]}", "{kind: logistic}"),
    "multi_regression": ("{kind: multi_regression, target: [price, weight]}", "{kind: ridge}"),
}


@dataclass(frozen=True)
class Sales:
    """The project's folder; `stage` runs a stage on it."""

    folder: Path

    def job(self, *overrides: str, **options: Any) -> Job:
        loaded = load(self.folder / "spec.yaml", overrides)
        return Job(loaded.spec, loaded.base, Store(self.folder / "runs"), spec_text=loaded.text, options=options)

    def stage(self, name: str, *overrides: str, **options: Any) -> Result:
        return run_stage(name, self.job(*overrides, **options), Silent())

    def stages(self, *names: str) -> Result:
        return [self.stage(name) for name in names][-1]


def project(folder: Path, task: str, *, rows: int = 400) -> Sales:
    written, model = TASKS[task]
    ignored = [f"{name}: {{role: ignore}}" for name in TARGETS if name not in written]
    text = SPEC.format(TASK=written, MODEL=model, IGNORED="\n    ".join(ignored))
    (folder / "spec.yaml").write_text(text)
    write(folder / "sales.csv", rows, seed=1)
    return Sales(folder)


def write(path: Path, rows: int, *, seed: int) -> Path:
    """Three heaps of rows; one in ten has a length that may not go with its width, and is odd for it."""
    random = np.random.default_rng(seed)
    with path.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["sale", "length", "width", "city", *TARGETS])
        for number in range(rows):
            heap, odd = int(random.integers(0, 3)), random.random() < 0.1
            width = 4.0 * heap + random.normal(0, 0.4)
            length = 1.5 * width + random.normal(0, 0.3) + (random.normal(2.5, 1.5) if odd else 0)
            price, weight = 10 + 3 * width + random.normal(), 0.2 * length + 0.05 * random.normal()
            fresh, local = heap == 1, random.random() < (0.9 if heap else 0.1)
            shown = "" if number % 31 == 0 else f"{length:.4f}"
            label = "" if number % 7 == 0 else "odd" if odd else "usual"
            city = ("Kyiv", "Lviv", "Odesa")[heap]
            row = [f"{seed}-{number}", shown, f"{width:.4f}", city, f"{price:.3f}", f"{weight:.4f}"]
            writer.writerow([*row, str(fresh).lower(), int(local), label])
    return path
