"""Train and tune score by the same folds, and neither time nor the target leaks into them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from modelwright.chains.run import run_stage
from modelwright.core.errors import DataError
from modelwright.core.progress import Silent
from modelwright.fitting.features import FittedFeatures
from modelwright.fitting.prepared import Prepared
from modelwright.runs.store import Store
from modelwright.spec.load import load
from modelwright.stages.job import Job

ROWS = 1500
SPEC = """\
name: days
task: {kind: regression, target: y}
seed: 3
prepare:
  source: {kind: csv, path: days.csv}
  columns:
    day: {role: id}
    at: {type: timestamp, role: time, timezone: UTC}
    z: {role: ignore}
  split: {kind: time, validation: 0.2, test: 0.2}
  features: [{kind: datetime_parts, columns: [at], parts: [year, dayofyear]}, {kind: target, smooth: 1}]
train:
  model: {kind: ridge}
"""
SERIES = "train.validation={kind: time_series, folds: 4, gap: 3d}"


class Said(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


@dataclass(frozen=True)
class Days:
    """A row a day: y is a random walk, so that neighbours in time tell of each other; z is not; `code` is noise."""

    folder: Path

    def __post_init__(self) -> None:
        random = np.random.default_rng(0)
        walk = np.cumsum(random.normal(size=ROWS))
        x = random.normal(size=ROWS)
        days = np.datetime64("2021-01-01") + np.arange(ROWS)
        codes = random.integers(0, 500, ROWS)
        lines = [
            f"d{number},{day}T12:00:00Z,c{code},{a:.6f},{w + 5 * a + e:.6f},{a + 2 * e:.6f}"
            for number, (day, code, a, w, e) in enumerate(
                zip(days, codes, x, walk, random.normal(size=ROWS), strict=True)
            )
        ]
        (self.folder / "days.csv").write_text("\n".join(["day,at,code,x,y,z", *lines]) + "\n")
        (self.folder / "spec.yaml").write_text(SPEC)

    def stage(self, name, *overrides, progress=None):
        loaded = load(self.folder / "spec.yaml", overrides=overrides)
        job = Job(loaded.spec, loaded.base, Store(self.folder / "runs"), spec_text=loaded.text)
        return run_stage(name, job, progress or Silent())

    def score(self, *overrides):
        self.stage("prepare", *overrides)
        return self.stage("train", *overrides).run.read_json("scores.json")["scores"]["r2"]


@pytest.fixture
def days(tmp_path):
    return Days(tmp_path)


FOREST = (
    "train.model={kind: random_forest, trees: 20}",
    "prepare.features=[{kind: datetime_parts, columns: [at], parts: [year, dayofyear]}, {kind: drop, columns: [code]}]",
)


def test_the_future_does_not_help_to_predict_the_past(days):
    """A forest reads the walk off the neighbouring days, if it is given those of the days to come."""
    at_random = days.score(*FOREST, "train.validation={kind: kfold, folds: 4}")
    in_time = days.score(*FOREST, "train.validation={kind: time_series, folds: 4}")
    assert at_random > 0.85
    assert in_time < 0.5


def test_feature_steps_of_a_fold_see_only_what_was_before(days, monkeypatch):
    days.stage("prepare", SERIES)
    fitted, held = [], []
    fitted_on, samples = Prepared.fitted_on, Prepared.samples

    def remembers_learn(self, table):
        fitted.append(table.column("at").to_numpy())
        return fitted_on(self, table)

    def remembers_held(self, table, features):
        held.append(table.column("at").to_numpy())
        return samples(self, table, features)

    monkeypatch.setattr(Prepared, "fitted_on", remembers_learn)
    monkeypatch.setattr(Prepared, "samples", remembers_held)
    done = days.stage("train", SERIES).run
    assert len(held) == 4
    for before, after in zip(fitted, held, strict=False):
        assert before.max() < after.min() - np.timedelta64(3, "D")
    chosen = done.read_json("scores.json")["chosen_by"]
    assert chosen["features of each fold"] == "the rows that it learns from"


def test_only_the_rows_that_were_predicted_are_written_and_scored(days):
    days.stage("prepare", SERIES)
    done = days.stage("train", SERIES).run
    pool = ROWS * 8 // 10
    written = pq.read_table(done.file("predictions.parquet"))
    assert written.num_rows == 4 * (pool // 5)
    times = written["at"].to_numpy()
    first = np.datetime64("2021-01-01T12:00") + np.timedelta64(pool - written.num_rows, "D")
    assert times.min() == first and not np.isnan(written["prediction"].to_numpy()).any()
    scores = done.read_json("scores.json")
    assert scores["rows"] == written.num_rows and scores["scored_on"].endswith("but their earliest rows")
    error = written["truth"].to_numpy() - written["prediction"].to_numpy()
    assert scores["scores"]["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)))


@pytest.mark.parametrize(
    "validation",
    [
        "{kind: holdout}",
        "{kind: time_series, folds: 3}",
        "{kind: stratified, folds: 3}",
        "{kind: group, group: code, folds: 3}",
    ],
)
def test_tune_scores_a_trial_as_train_does(validation, days):
    overrides = (f"train.validation={validation}", "tune.trials=1", "tune.space={model.alpha: {choices: [1.0]}}")
    days.stage("prepare", *overrides)
    trained = days.stage("train", *overrides).run.read_json("scores.json")
    tuned = days.stage("tune", *overrides).run
    assert tuned.read_json("best.json")["score"] == pytest.approx(trained["scores"]["rmse"], rel=1e-12)
    assert trained["scored_on"] in (tuned.path / "report.html").read_text()


def test_candidates_are_compared_on_the_same_rows(days):
    overrides = (SERIES, "train.model={kind: auto, budget_s: 0.001}", "train.refit=learn+validation")
    days.stage("prepare", *overrides)
    done = days.stage("train", *overrides).run
    board = done.read_json("leaderboard.json")
    assert board[0]["score"]["value"] == pytest.approx(done.read_json("scores.json")["scores"]["rmse"])


def test_what_may_surprise_is_said(days):
    days.stage("prepare")
    said = Said()
    days.stage("train", "train.validation={kind: kfold, folds: 3}", progress=said)
    assert any("folds are drawn at random" in line and "time_series" in line for line in said.lines)
    assert any("each fold fits all of them again" in line for line in said.lines)
    calm = Said()
    days.stage("train", SERIES, progress=calm)
    assert not any("warning" in line for line in calm.lines)


def test_too_few_rows_for_the_folds_is_said(days):
    days.stage("prepare")
    with pytest.raises(DataError, match="smaller gap"):
        days.stage("train", "train.validation={kind: time_series, folds: 4, gap: 2000d}")


# --- cross-fitted steps -----------------------------------------------------------------------------------------------


def test_a_model_does_not_learn_to_trust_a_category_of_noise(days, monkeypatch):
    """Learnt from the full fit's own values, the noise would look like the best feature there is."""
    overrides = (
        "task.target=z", "prepare.split={kind: random}", "prepare.features=[{kind: target, smooth: 0}]",
        "prepare.columns={day: {role: id}, at: {role: ignore}, y: {role: ignore}}",
    )  # fmt: skip
    honest = days.score(*overrides)
    monkeypatch.setattr(FittedFeatures, "cross_fitted", False)
    leaking = days.stage("train", *overrides, "train.refit=learn+validation").run.read_json("scores.json")["scores"]
    assert leaking["r2"] < honest - 0.1
    assert honest > 0.1


def test_the_graph_holds_the_full_fit_in_training_as_in_evaluating(days):
    """And parity is measured on it: what is exported is what is scored on rows that were not fitted on."""
    days.stage("prepare")
    done = days.stage("train").run
    assert done.read_json("parity.json")["largest"] < 1e-9
    evaluated = days.stage("evaluate", "evaluate.resamples=100").run
    assert pq.read_table(evaluated.file("predictions.parquet")).num_rows == ROWS // 5
    twice = days.stage("train", "train.refit=learn+validation").run
    assert twice.read_bytes("model.onnx") != done.read_bytes("model.onnx")
