"""Two train runs of the same spec hold the same bytes, with one thread and with three, whatever the model."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from modelwright.chains.run import run_stage
from modelwright.core.progress import Silent
from modelwright.parts import catalog
from modelwright.stages import train
from stages.trips import project

FEW_TREES = "iterations: 12"
SMALL = {
    **dict.fromkeys(("lightgbm", "hist_gradient_boosting", "xgboost", "catboost"), FEW_TREES),
    **dict.fromkeys(("random_forest", "extra_trees", "isolation_forest"), "trees: 8"),
    **dict.fromkeys(("mlp", "tabm", "autoencoder"), "epochs: 3, hidden: 16"),
    "gaussian_process": "max_rows: 100",
    "auto": "budget_s: 3600, max_models: 4",
}
TASKS = {"binary": "late", "regression": "minutes", "clustering": None, "dimension_reduction": None, "anomaly": None}
ELSEWHERE = ("onnx",)  # is not fitted; see test_adopted_model.py
KINDS = [kind for kind in catalog.builtin_kinds("models") if kind not in ELSEWHERE]


@pytest.fixture(scope="module")
def job_of(tmp_path_factory):
    """A job that trains such a model on the first task that it can do, whose rows are prepared once."""
    made = {}

    def job(kind):
        able = catalog.load("models", kind).tasks
        task, target = next((task, target) for task, target in TASKS.items() if task in able)
        keys = f", {SMALL[kind]}" if kind in SMALL else ""
        overrides = ["~tune", "~evaluate.gates", f"train.model={{kind: {kind}{keys}}}"]
        if target is None:
            overrides += [f"task={{kind: {task}}}", "prepare.columns.minutes={role: ignore}"]
        else:
            overrides.append("train.validation={kind: kfold, folds: 2}")
        new = task not in made
        if new:
            made[task] = project(tmp_path_factory.mktemp(task), task, target or "minutes", rows=200)
        found = made[task].job(*overrides)
        if new:
            run_stage("prepare", found, Silent())
        return replace(found, source="prepare/v0001")

    return job


def digests(job, threads, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(threads)))
    run = train.run(train.plan(job), Silent()).run
    assert run.manifest.threads == threads
    return {name: output.sha256 for name, output in run.manifest.outputs.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_spec_gives_the_same_bytes(kind, job_of, monkeypatch):
    if kind in ("xgboost", "catboost"):
        pytest.importorskip(kind, reason=f"the extra {kind} is not installed", exc_type=ImportError)
    job = job_of(kind)
    once, again = (digests(job, threads, monkeypatch) for threads in (1, 3))
    assert len(once) >= 8
    assert [name for name, digest in once.items() if again[name] != digest] == []
