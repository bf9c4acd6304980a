"""Every config in configs/ is a story that runs from end to end, twice with the same bytes."""

from __future__ import annotations

import json

import pyarrow.parquet as pq

from stories.story import ALL, CONFIGS, Story


def test_every_config_is_told():
    assert sorted(path.stem for path in CONFIGS.glob("*.yaml")) == list(ALL)


def test_gates_pass_with_an_interval_for_every_metric(told):
    run = told.first("evaluate")
    assert run.read_json("gates.json")["passed"]
    for metric in run.read_json("metrics.json")["metrics"].values():
        assert metric["low"] <= metric["value"] <= metric["high"]


def test_nothing_is_run_again_when_nothing_has_changed(told):
    for stage in ("prepare", "train", "evaluate", "export"):
        again = told.stage(stage)
        assert again.cached and again.run.version == 1


def test_no_row_is_lost_or_in_two_splits(told):
    run = told.first("prepare")
    rows = run.read_json("rows.json")["rows"]
    tables = {name: pq.read_table(run.file(f"{name}.parquet")) for name in ("learn", "validation", "test")}
    removed = sum(step["removed"] for step in rows["removed"])
    assert sum(table.num_rows for table in tables.values()) == rows["read"] - rows["rejected"] - removed
    if told.config not in ("adult", "bike_sharing"):  # their splits follow files and days: a row may repeat in another
        digests = [set(table["__row__"].to_pylist()) for table in tables.values()]
        assert not digests[0] & digests[1] and not digests[0] & digests[2] and not digests[1] & digests[2]


def test_the_graph_says_what_the_native_model_says(told):
    assert told.first("train").read_json("parity.json")["largest"] < 1e-9
    assert told.first("export").read_json("parity.json")["largest"] < 1e-9


def test_tune_writes_a_spec_that_train_takes(told):
    small = Story(told.config, told.folder, (*told.overrides, "tune.trials=2", "tune.validation={kind: holdout}"))
    tuned = small.stage("tune")
    trained = small.spec_stage(tuned.run.path / "best.yaml", "train")
    assert trained.run.read_json("model.json")["kind"] == tuned.summary["model"]
    assert trained.run.source("prepare") == "prepare/v0001"


def test_monitor_is_quiet_on_the_rows_that_were_learnt(told, tmp_path):
    """The learn split is the reference itself, so nothing may drift."""
    run = told.first("prepare")
    result = told.stage("monitor", data=run.file("learn.parquet"))
    assert (result.exit_code, result.summary["changed"]) == (0, {})


def test_same_spec_in_two_folders_gives_identical_bytes(told, tmp_path):
    again = Story(told.config, tmp_path, told.overrides)
    for stage in ("prepare", "train", "evaluate", "export"):
        again.stage(stage)
        first, second = (story.first(stage).manifest for story in (told, again))
        assert json.dumps({name: output.sha256 for name, output in first.outputs.items()}) == json.dumps(
            {name: output.sha256 for name, output in second.outputs.items()}
        )
