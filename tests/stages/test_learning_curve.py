"""`train.learning_curve`: five sizes, each scored on the same rows, told where the model is told of."""

from __future__ import annotations

import pytest

from modelwright.core.errors import DataError, SpecError
from stages.test_train import prepared, run
from stages.trips import Trips, project

ASKED = "train.learning_curve=true"


def test_more_rows_score_better_where_there_is_much_to_learn_and_the_report_says_so(tmp_path):
    made = project(tmp_path, rows=1200)
    trips = Trips(made.folder, ("train.model={kind: lightgbm, iterations: 80}", "~evaluate.gates", ASKED))
    trained = trips.stages("prepare", "train").run
    curve = trained.read_json("model.json")["learning_curve"]
    rows, scores = [one["rows"] for one in curve["points"]], [one["score"] for one in curve["points"]]
    assert len(rows) == 5 and rows == sorted(rows) and rows[-1] > 500
    assert scores[-1]["value"] < 0.7 * scores[0]["value"], "rmse falls"
    assert all(one["low"] <= one["value"] <= one["high"] for one in scores)
    assert curve["last_doubling"]["gain"] > 0
    report = trips.stage("evaluate").run.read_bytes("report.html").decode()
    assert "Would more rows help?" in report and "Twice the rows improved rmse by" in report


def test_the_last_size_is_the_model_itself(tmp_path):
    done = run(prepared(tmp_path, "regression", "{model: {kind: ridge}, learning_curve: true}"))
    last = done.read_json("model.json")["learning_curve"]["points"][-1]
    assert last["score"]["value"] == pytest.approx(done.read_json("scores.json")["scores"]["rmse"])


def test_a_size_with_one_class_only_is_said_not_scored(tmp_path):
    made = project(tmp_path, task="binary", target="late", rows=60)
    path = made.folder / "data" / "first.csv"
    rare = iter(range(10_000))
    header, *lines = path.read_text().splitlines()
    changed = [",".join([*line.split(",")[:-1], "yes" if next(rare) % 20 == 0 else "no"]) for line in lines]
    path.write_text("\n".join([header, *changed]) + "\n")
    trips = Trips(
        made.folder, (ASKED, "~evaluate.gates", "prepare.split={kind: stratified, validation: 0.4, test: 0.3}")
    )
    points = trips.stages("prepare", "train").run.read_json("model.json")["learning_curve"]["points"]
    assert any(point["score"] is None for point in points) and points[-1]["score"] is not None


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_portfolio_and_other_tasks_have_one_too_and_the_same_bytes_twice(task, tmp_path):
    asked = "{model: {kind: auto, budget_s: 60, max_models: 2}, learning_curve: true}"
    found = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        found.append(run(prepared(tmp_path / name, task, asked)).read_json("model.json")["learning_curve"])
    assert found[0] == found[1]
    assert found[0]["model"] and len(found[0]["points"]) == 5


def test_without_validation_rows_it_says_what_to_do(tmp_path):
    asked = "{model: {kind: ridge}, validation: {kind: kfold}, learning_curve: true}"
    with pytest.raises(DataError, match="no validation rows to score a learning curve on"):
        run(prepared(tmp_path, "regression", asked, validation_rows=0))


def test_a_task_without_one_is_refused_when_the_spec_is_read(tmp_path):
    made = project(tmp_path)
    trips = Trips(made.folder, ("task={kind: clustering}", "train.model={kind: k_means}", "~evaluate.gates"))
    with pytest.raises(SpecError, match="there is none for clustering"):
        trips.job(ASKED)
