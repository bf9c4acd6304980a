"""The leaderboard's figures come from files; for every kind of task they are those that train computed."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelwright.stages.compare import compare
from stages.sales import TASKS
from stages.sales import project as sales_project
from stages.test_quantile_and_ordinal import grades, quantiles
from stages.test_train import prepared, run

WITHOUT_INTERVAL = {"clustering", "density", "dimension_reduction"}


@pytest.mark.parametrize("task", list(TASKS))
def test_tasks_without_a_target_and_with_several(task: str, tmp_path: Path) -> None:
    sales = sales_project(tmp_path, task)
    sales.stages("prepare", "train")
    check(sales.job(), interval=task not in WITHOUT_INTERVAL)


@pytest.mark.parametrize("made", [quantiles, grades], ids=["quantile", "ordinal"])
def test_quantiles_and_ordered_classes(made: Any, tmp_path: Path) -> None:
    trips = made(tmp_path)
    trips.stages("prepare", "train")
    check(trips.job(), interval=True)


@pytest.mark.parametrize("folds", ["", ", validation: {kind: kfold, folds: 3}"])
def test_labels_that_a_rule_decides(folds: str, tmp_path: Path) -> None:
    job = prepared(tmp_path, "binary", f"{{model: {{kind: logistic}}, decision: {{threshold: 0.3}}{folds}}}")
    done = run(job)
    task = job.spec.task.model_copy(update={"metric": "f1"})
    (one,) = compare(replace(job, spec=job.spec.model_copy(update={"task": task}))).runs
    assert one.score["value"] == pytest.approx(done.read_json("scores.json")["scores"]["f1"], rel=1e-12)


def check(job: Any, *, interval: bool) -> None:
    found = compare(job, measure=True)
    (one,) = found.runs
    scores = job.store.newest(found.name, "train").read_json("scores.json")
    assert found.metric == scores["metric"]
    assert one.rank == 1
    assert one.score["value"] == pytest.approx(scores["scores"][found.metric], rel=1e-9)
    assert ("low" in one.score) == interval
    assert not interval or all(math.isfinite(one.score[end]) for end in ("low", "high"))
    assert one.predict_row_s > 0
