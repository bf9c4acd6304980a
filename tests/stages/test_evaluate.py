"""Evaluate: scores with intervals, an honest comparison with the champion, gates that mean what they say."""

from __future__ import annotations

import shutil

import pyarrow.parquet as pq
import pytest

from modelwright.core.errors import GATE_FAILED, ArtifactError, SpecError
from stages.trips import project

TRAINED = ("prepare", "train")
OTHER = ("train.model={kind: ridge, alpha: 2.0}",)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    made = project(tmp_path_factory.mktemp("trained"))
    made.stages(*TRAINED)
    return made


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    made = trained.copied(tmp_path_factory.mktemp("exported"))
    made.stages("evaluate", "export")
    return made


@pytest.fixture
def trips(trained, tmp_path):
    return trained.copied(tmp_path)


def test_scores_have_intervals_and_predictions_are_those_of_the_graph(trips):
    run = trips.stage("evaluate").run
    found = run.read_json("metrics.json")
    assert found["metric"] == "rmse" and set(found["metrics"]) == {"rmse", "mae", "r2"}
    for entry in found["metrics"].values():
        assert entry["low"] < entry["value"] < entry["high"]
    predictions = pq.read_table(run.file("predictions.parquet"))
    assert predictions.column_names == ["__row__", "trip", "at", "truth", "prediction"]


def test_slices_show_each_value_with_its_interval(trips):
    slices = trips.stage("evaluate").run.read_json("slices.json")
    assert {entry["value"] for entry in slices} == {"dry", "wet"}
    assert all(entry["metrics"]["rmse"]["low"] > 0 for entry in slices)


def test_unknown_slice_is_named_with_its_near_miss(trips):
    with pytest.raises(SpecError, match='did you mean "weather"'):
        trips.stage("evaluate", "evaluate.slices=[wether]")


def test_first_model_passes_because_there_is_no_champion(trips):
    result = trips.stage("evaluate")
    assert result.exit_code == 0
    assert "no champion yet" in next(iter(result.summary["gates"].values()))


def test_a_threshold_that_is_missed_is_exit_10_and_the_run_is_kept(trips):
    gates = "evaluate.gates=[{kind: threshold, metric: rmse, max: 0.1}]"
    result = trips.stage("evaluate", gates)
    assert result.exit_code == GATE_FAILED and not result.run.read_json("gates.json")["passed"]
    assert trips.stage("evaluate", gates).exit_code == GATE_FAILED, "also when cached"


@pytest.fixture
def champion(exported, tmp_path):
    """A champion trained on the first trips, then trips of a world in which a kilometre takes twice as long."""
    trips = exported.copied(tmp_path)
    trips.aliases.promote(1)
    trips.write("second.csv", 1200, seed=2, slope=6.0)
    return trips


def test_a_better_challenger_is_shown_to_be_so_on_rows_that_neither_was_fitted_on(champion):
    champion.stages(*TRAINED)
    result = champion.stage("evaluate")
    assert result.exit_code == 0
    comparison = result.run.read_json("comparison.json")[0]
    assert comparison["improvement"]["low"] > 0 and comparison["score"] < comparison["other_score"]
    test_rows = pq.read_table(result.run.file("predictions.parquet"))["__row__"].to_pylist()
    fitted = champion.job().store.open("trips", "train", 1).file("fitted_rows.parquet")
    seen = set(pq.read_table(fitted)["__row__"].to_pylist()) & set(test_rows)
    assert comparison["rows"] == len(test_rows) - len(seen) and comparison["excluded_rows"] == len(seen)


def test_a_worse_challenger_fails(champion):
    champion.stages(*TRAINED)
    champion.stages("evaluate", "export")
    champion.aliases.promote(2)
    result = champion.stages("prepare")
    weak = ("train.model={kind: lightgbm, iterations: 1}",)
    champion.stage("train", *weak)
    result = champion.stage("evaluate", *weak)
    assert result.exit_code == GATE_FAILED
    assert "failed" in next(iter(result.summary["gates"].values()))


def test_a_new_champion_means_another_comparison(champion):
    champion.stages(*TRAINED)
    champion.stage("evaluate")
    champion.stage("export")
    champion.aliases.promote(2)
    assert champion.stage("evaluate").cached, "promoted, it still stands beside the one that it replaced"
    assert champion.stage("export").cached
    champion.stage("train", *OTHER)
    beside_the_second = champion.stage("evaluate", *OTHER)
    champion.aliases.promote(1)
    beside_the_first = champion.stage("evaluate", *OTHER)
    assert not beside_the_first.cached and beside_the_first.run.version > beside_the_second.run.version > 2


def test_export_wants_an_evaluate_beside_the_champion_of_now(champion):
    champion.stages(*TRAINED)
    champion.stages("evaluate", "export")
    champion.stage("train", *OTHER)
    champion.stage("evaluate", *OTHER)
    champion.aliases.promote(2)
    with pytest.raises(ArtifactError, match="champion of now"):
        champion.stage("export", *OTHER)
    assert champion.stage("evaluate", *OTHER).exit_code == 0
    assert champion.stage("export", *OTHER).run.version == 3


def test_every_alias_that_a_gate_names_is_a_rival(champion):
    """A gate about an alias that exists must never pass for want of it."""
    champion.stages(*TRAINED)
    champion.stages("evaluate", "export")
    champion.aliases.set("challenger", 2)
    gates = ", ".join(f"{{kind: not_worse_than, model: {alias}, metric: rmse}}" for alias in ("champion", "challenger"))
    weak = ("train.model={kind: lightgbm, iterations: 2}", f"evaluate.gates=[{gates}]")
    champion.stage("train", *weak)
    result = champion.stage("evaluate", *weak)
    assert result.exit_code == GATE_FAILED
    assert {entry["alias"] for entry in result.run.read_json("comparison.json")} == {"champion", "challenger"}
    assert not any("no challenger yet" in gate["message"] for gate in result.run.read_json("gates.json")["gates"])


def test_rows_known_by_other_columns_are_not_compared(champion):
    """Without an id a row is known by all its values, so another column makes every row look new."""
    result = champion.stages(*TRAINED)
    other = ("prepare.columns.trip.role=ignore",)
    for stage in TRAINED:
        champion.stage(stage, *other)
    result = champion.stage("evaluate", *other)
    assert result.exit_code == GATE_FAILED
    assert "can't be told from others" in next(iter(result.summary["gates"].values()))


def test_when_the_champions_rows_are_not_known_any_more_the_gate_is_undecided(champion):
    shutil.rmtree(champion.folder / "runs" / "trips" / "train" / "v0001")
    champion.stages(*TRAINED)
    result = champion.stage("evaluate")
    assert result.exit_code == GATE_FAILED
    assert "undecided" in next(iter(result.summary["gates"].values()))


def test_too_few_common_rows_are_undecided(champion):
    champion.stages(*TRAINED)
    result = champion.stage("evaluate", "evaluate.gates=[{kind: not_worse_than, metric: rmse, min_rows: 100000}]")
    assert result.exit_code == GATE_FAILED and "100000 are needed" in next(iter(result.summary["gates"].values()))


def test_new_labelled_data_is_scored_with_the_same_model(trips):
    new = trips.write("../new.csv", 200, seed=9)
    result = trips.stage("evaluate", data=new)
    assert result.run.read_json("metrics.json")["metrics"]["rmse"]["rows"] == 200
    assert not trips.stage("evaluate").cached, "the test rows are another evaluation"


def test_a_copied_bundle_is_evaluated_without_its_runs(trips, tmp_path_factory):
    exported = trips.stages("evaluate", "export").run
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    bundle = shutil.copytree(exported.path, elsewhere / "bundle")
    new = trips.write("../new.csv", 200, seed=9)
    alone = project(elsewhere)
    result = alone.stage("evaluate", data=new, bundle=bundle)
    assert result.run.read_json("metrics.json") == trips.stage("evaluate", data=new).run.read_json("metrics.json")
    with pytest.raises(SpecError, match="holds no rows"):
        alone.stage("evaluate", bundle=bundle)


def test_export_wants_an_evaluate_that_passed(trips):
    with pytest.raises(ArtifactError, match="no evaluate run"):
        trips.stage("export")
    gates = "evaluate.gates=[{kind: threshold, metric: rmse, max: 0.1}]"
    trips.stage("evaluate", gates)
    with pytest.raises(ArtifactError):
        trips.stage("export", gates)
    assert trips.stage("export", gates, ungated=True).run.read_json("signature.json")["ungated"]


def test_positive_class_may_be_the_first_one(tmp_path):
    trips = project(tmp_path, "binary", "late")
    metrics = "evaluate.metrics=[f1, roc_auc]"
    trips.stages(*TRAINED)
    last = trips.stage("evaluate", metrics).run.read_json("metrics.json")["metrics"]
    positive = "task.positive='no'"
    for stage in TRAINED:
        trips.stage(stage, positive)
    first = trips.stage("evaluate", metrics, positive).run.read_json("metrics.json")["metrics"]
    assert first["roc_auc"]["value"] == pytest.approx(last["roc_auc"]["value"])
    assert first["f1"]["value"] != last["f1"]["value"]
