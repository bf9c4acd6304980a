"""The leaderboard over train runs: what is ranked with what, by which figures, and that looking leaves no trace."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from modelwright.core.columns import ROW_DIGEST, Schema
from modelwright.core.errors import ArtifactError
from modelwright.fitting import ensembling, recorded, scoring
from modelwright.fitting.features import fit_features
from modelwright.runs.commit import begin
from modelwright.spec.load import load
from modelwright.stages import lineage
from modelwright.stages.compare import compare
from modelwright.stages.compared_run import compared_run
from stages.test_train import ROWS, prepared, read, run, table

RIDGE = "{model: {kind: ridge}}"
PRIOR = "{model: {kind: prior}}"
FOLDS = "{model: {kind: ridge}, validation: {kind: kfold, folds: 4}}"


def asking(job, old, new):
    """The same spec with another text in it."""
    path = job.base / "spec.yaml"
    path.write_text(path.read_text().replace(old, new))
    loaded = load(path)
    return replace(job, spec=loaded.spec, spec_text=loaded.text)


def prepared_anew(job, learn):
    """Another prepare run, with features of another seed."""
    first = job.store.newest("small", "prepare")
    schema = Schema.from_dict(first.read_json("schema.json"))
    with begin(job.store, lineage.prepare_identity(job), spec_text=job.spec_text, threads=1) as staged:
        for name in first.manifest.outputs:
            if name not in ("spec.yaml", "learn.parquet", "features.json"):
                staged.write_bytes(name, first.read_bytes(name))
        staged.write_json("features.json", fit_features("auto", learn, schema, None, 4).to_dict())
        pq.write_table(learn, staged.path("learn.parquet"))
        return staged.commit()


def trained(tmp_path, task, *sections):
    """A run for each train section, on the same prepared rows."""
    job = prepared(tmp_path, task, sections[0])
    run(job)
    for before, section in itertools.pairwise(sections):
        job = asking(job, before, section)
        run(job)
    return job


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
@pytest.mark.parametrize(
    "sections", [(PRIOR, RIDGE), (FOLDS.replace("ridge", "prior"), FOLDS)], ids=["holdout", "folds"]
)
def test_scores_are_those_of_the_runs_and_the_better_model_leads(task, sections, tmp_path):
    linear = "ridge" if task == "regression" else "logistic"
    job = trained(tmp_path, task, *(section.replace("ridge", linear) for section in sections))
    found = compare(job)
    assert [one.model for one in found.runs] == [linear, "prior"]
    assert [one.rank for one in found.runs] == [1, 2]
    for one in found.runs:
        done = job.store.resolve("small", "train", one.run)
        scores = done.read_json("scores.json")
        assert found.metric == scores["metric"]
        assert one.score["value"] == pytest.approx(scores["scores"][found.metric], rel=1e-12)
        assert one.score["low"] <= one.score["value"] <= one.score["high"]
        assert one.score["rows"] == scores["rows"] == read(done, "predictions.parquet").num_rows
        assert one.bytes == len(done.read_bytes("model.onnx"))
        assert one.fit_s > 0
        assert one.predict_row_s is None
    assert found.runs[0].behind is None
    assert found.runs[1].behind["low"] > 0


def test_the_difference_to_the_best_is_paired(tmp_path):
    job = trained(tmp_path, "regression", RIDGE, "{model: {kind: ridge, alpha: 20}}")
    best, other = compare(job).runs
    assert other.behind["value"] == pytest.approx(other.score["value"] - best.score["value"])
    apart = other.behind["high"] - other.behind["low"]
    assert apart < 0.5 * (best.score["high"] - best.score["low"])  # alone, each score is far less certain
    said = [compared_run(job, job.store.resolve("small", "train", one.run)).predictions() for one in (best, other)]
    advantage = ensembling.advantage(scoring.deciding_metric(job.spec.task), *said, seed=1)
    assert other.behind["value"] == pytest.approx(advantage[0])
    assert apart / 3.92 == pytest.approx(advantage[1], rel=0.25)


def test_weights_count_as_they_did_in_training(tmp_path):
    job = trained(tmp_path, "regression", RIDGE)
    done = job.store.newest("small", "train")
    _, said = recorded.recorded(job.spec.task, done, job.store.newest("small", "prepare"))
    np.testing.assert_array_equal(said.weights, table("regression", 1, 200)["importance"].to_numpy())


def test_another_validation_is_shown_and_never_ranked(tmp_path):
    job = trained(tmp_path, "regression", PRIOR, FOLDS, FOLDS.replace("4", "5"), RIDGE)
    found = compare(job)
    assert [(one.model, one.rank) for one in found.runs] == [
        ("ridge", 1),
        ("prior", 2),
        ("ridge", None),
        ("ridge", None),
    ]
    assert {one.not_ranked_because for one in found.runs[2:]} == {"validation kfold, not holdout"}
    assert all(one.score["low"] < one.score["high"] and one.behind is None for one in found.runs[2:])
    found = compare(asking(job, RIDGE, FOLDS))
    assert found.reference == "train/v0002"
    assert [one.rank for one in found.runs] == [1, None, None, None]
    assert found.runs[2].not_ranked_because == "kfold with other settings"


def test_other_data_is_shown_and_never_ranked(tmp_path):
    job = trained(tmp_path, "regression", RIDGE)
    (tmp_path / "data.csv").write_text("x\n2\n")
    prepared_anew(job, table("regression", 5))
    run(job)
    found = compare(job)
    assert [(one.run, one.rank) for one in found.runs] == [("train/v0002", 1), ("train/v0001", None)]
    assert found.runs[1].not_ranked_because == "other data: prepare/v0001"
    for source in ("train/v0001", "prepare/v0001"):
        found = compare(replace(job, source=source))
        assert [(one.run, one.rank) for one in found.runs] == [("train/v0001", 1), ("train/v0002", None)]


def test_the_same_rows_with_other_features_are_the_same_data(tmp_path):
    job = trained(tmp_path, "regression", RIDGE)
    (tmp_path / "data.csv").write_text("x\n2\n")
    first = job.store.newest("small", "prepare")
    assert prepared_anew(job, table("regression", 0)).digest != first.digest
    run(asking(job, RIDGE, PRIOR))
    assert [one.rank for one in compare(job).runs] == [1, 2]


def test_another_task_is_shown_and_never_ranked(tmp_path):
    job = trained(tmp_path, "binary", PRIOR)
    (one,) = compare(asking(job, "kind: binary, target: y", "kind: regression, target: x")).runs
    assert one.rank is None
    assert one.not_ranked_because == "another task: binary of y"


def test_any_metric_of_the_spec_ranks_runs_that_were_chosen_by_another(tmp_path):
    job = trained(tmp_path, "binary", "{model: {kind: logistic}}", PRIOR)
    found = compare(asking(job, "target: y", "target: y, metric: log_loss"))
    assert (found.metric, found.direction) == ("log_loss", "lower")
    assert [one.model for one in found.runs] == ["logistic", "prior"]


def test_runs_whose_rows_are_gone_keep_their_score_without_an_interval(tmp_path):
    job = trained(tmp_path, "regression", RIDGE, PRIOR)
    shutil.rmtree(job.store.newest("small", "prepare").path)
    found = compare(job, measure=True)
    assert [(one.rank, one.behind, one.predict_row_s) for one in found.runs] == [(1, None, None), (2, None, None)]
    assert [set(one.score) for one in found.runs] == [{"value"}, {"value"}]


def test_a_damaged_run_is_passed_over_with_a_warning(tmp_path):
    job = trained(tmp_path, "regression", RIDGE, PRIOR)
    (job.store.newest("small", "train").path / "predictions.parquet").write_bytes(b"")
    assert [one.run for one in compare(job).runs] == ["train/v0001"]
    assert "train/v0002 was passed over" in job.store.warnings[0]
    (job.store.open("small", "train", 1).path / "scores.json").write_bytes(b"{}")
    with pytest.raises(ArtifactError, match="no train run that can be read"):
        compare(job)


def test_the_newest_are_looked_at_and_the_others_counted(tmp_path):
    job = trained(tmp_path, "regression", RIDGE, PRIOR, "{model: {kind: ridge, alpha: 20}}")
    found = compare(job, limit=2)
    assert {one.run for one in found.runs} == {"train/v0002", "train/v0003"}
    assert found.left_out == 1
    found = compare(replace(job, source="train/v0001"), limit=2)
    assert found.reference == "train/v0001"
    assert len(found.runs) == 3
    assert found.left_out == 0


def test_no_run_says_what_to_run(tmp_path):
    with pytest.raises(ArtifactError, match="no train run yet") as error:
        compare(prepared(tmp_path, "regression", RIDGE))
    assert "modelwright train" in error.value.problems[0].hint


def test_looking_writes_nothing_and_twice_says_the_same(tmp_path):
    job = trained(tmp_path, "multiclass", "{model: {kind: logistic}}", PRIOR)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert compare(job) == compare(job)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_the_time_for_a_row_is_measured_when_asked(tmp_path):
    job = trained(tmp_path, "regression", RIDGE)
    (one,) = compare(job, measure=True).runs
    assert 0 < one.predict_row_s < 0.01


def test_repeated_rows_keep_their_own_predictions(tmp_path):
    learn = table("regression", 0)
    digests = learn[ROW_DIGEST].to_numpy().copy()
    digests[1] = digests[0]
    learn = learn.set_column(0, ROW_DIGEST, [digests])
    job = prepared(tmp_path, "regression", FOLDS, learn=learn)
    done = run(job)
    _, said = recorded.recorded(job.spec.task, done, job.store.newest("small", "prepare"))
    assert len(said) == ROWS + 200
    np.testing.assert_array_equal(said.value, read(done, "predictions.parquet")["prediction"].to_numpy())
