"""A model is continued with new rows from weights that the manifest vouches for, or refused with the reason."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from modelwright.core.columns import ROW_DIGEST
from modelwright.core.errors import ArtifactError, DataError, SpecError
from modelwright.graph.running import Scorer
from stages.trips import Trips, project

BOOSTERS = ["lightgbm", "xgboost", "catboost"]
COUNTING = ["bernoulli_naive_bayes", "multinomial_naive_bayes"]


def trips_with(folder, kind, *, task="regression", target="minutes"):
    if kind in ("xgboost", "catboost"):
        pytest.importorskip(kind, reason=f"the extra {kind} is not installed", exc_type=ImportError)
    made = project(folder, task=task, target=target)
    keys = ", iterations: 30, learning_rate: 0.1" if kind in BOOSTERS else ""
    model = f"train.model={{kind: {kind}{keys}}}"
    trips = Trips(made.folder, (model, "~evaluate.gates"))
    trips.stages("prepare", "train")
    return trips


def continued(trips, *overrides):
    trips.write("second.csv", 400, seed=2)
    trips.stage("prepare")
    return trips.stage("train", "train.warm_start=train/v0001", *overrides).run


@pytest.mark.parametrize(("task", "target"), [("regression", "minutes"), ("binary", "late")])
@pytest.mark.parametrize("kind", BOOSTERS)
def test_new_rows_add_trees_to_the_earlier_ones(kind, task, target, tmp_path):
    trips = trips_with(tmp_path, kind, task=task, target=target)
    done = continued(trips)
    told = done.read_json("model.json")
    first = trips.job().store.open("trips", "train", 1)
    before = first.read_json("model.json")["notes"]["iterations"]
    assert told["warm_start"] == {"run": "train/v0001", "iterations": before}
    assert told["notes"]["iterations"] > before
    assert done.read_json("parity.json")["largest"] <= 1e-9
    curve = pq.read_table(done.file("curve.parquet"))["iteration"].to_numpy()
    assert curve[0] == before + 1
    seen = [set(pq.read_table(run.file("fitted_rows.parquet"))[ROW_DIGEST].to_pylist()) for run in (first, done)]
    assert seen[0] < seen[1], "it depends on the rows of the model that it continues"
    assert {entry.role for entry in done.manifest.inputs} == {"prepare", "start"}


@pytest.mark.parametrize("kind", BOOSTERS)
def test_without_room_for_new_trees_it_would_be_the_earlier_model(kind, tmp_path):
    """One tree more, hardly weighed: the earlier trees are all there."""
    trips = trips_with(tmp_path, kind)
    done = continued(trips, f"train.model={{kind: {kind}, iterations: 1, learning_rate: 1.0e-6}}")
    rows = pq.read_table(trips.job().store.newest("trips", "prepare").file("test.parquet"))
    graphs = [trips.job().store.open("trips", "train", version).read_bytes("model.onnx") for version in (1, 2)]
    before, after = (Scorer(graph).run_table(rows)["prediction"] for graph in graphs)
    np.testing.assert_allclose(after, before, atol=1e-4)
    assert done.version == 2


def test_sgd_goes_on_with_columns_scaled_as_they_were(tmp_path):
    trips = trips_with(tmp_path, "sgd")
    first, done = trips.job().store.open("trips", "train", 1), continued(trips)
    assert done.read_json("parity.json")["largest"] <= 1e-9
    adapters = [run.read_bytes("weights/adapter.onnx") for run in (first, done, trips.stage("train").run)]
    assert adapters[1] == adapters[0] != adapters[2], "new rows would be scaled otherwise"


def test_sgd_of_classes_goes_on_too_but_not_where_it_holds_rows_out(tmp_path):
    trips = trips_with(tmp_path, "sgd", task="binary", target="late")
    assert continued(trips).read_json("parity.json")["largest"] <= 1e-9
    with pytest.raises(SpecError, match="hinge holds rows out"):
        trips.stage("train", "train.warm_start=train/v0001", "train.model={kind: sgd, loss: hinge}")


@pytest.mark.parametrize("kind", COUNTING)
def test_naive_bayes_counts_each_row_once(kind, tmp_path):
    trips = trips_with(tmp_path, kind, task="binary", target="late")
    done = continued(trips)
    learn = pq.read_metadata(trips.job().store.newest("trips", "prepare").file("learn.parquet")).num_rows
    assert sum(done.read_json("weights/numbers.json")["weights"]) == learn, "of both files"
    with pytest.raises(DataError, match="train/v0002 has learnt from all of these rows"):
        trips.stage("train", "train.warm_start=train/v0002")


def test_it_continues_the_champion_and_starts_from_nothing_while_there_is_none(tmp_path):
    trips = trips_with(tmp_path, "lightgbm")
    fresh = trips.stage("train", "train.warm_start=champion").run
    assert "warm_start" not in fresh.read_json("model.json")
    trips.stage("evaluate")
    trips.stage("export")
    trips.aliases.promote(1)
    trips.write("second.csv", 400, seed=2)
    trips.stage("prepare")
    assert (
        trips.stage("train", "train.warm_start=champion").run.read_json("model.json")["warm_start"]["run"]
        == "train/v0001"
    )


def test_the_same_twice_is_cached_and_has_the_same_bytes(tmp_path):
    trips = trips_with(tmp_path, "lightgbm")
    done = continued(trips)
    again = trips.stage("train", "train.warm_start=train/v0001")
    assert again.cached and again.run.label == done.label


def test_damaged_weights_are_never_loaded(tmp_path):
    trips = trips_with(tmp_path, "lightgbm")
    weights = tmp_path / "runs" / "trips" / "train" / "v0001" / "weights" / "lightgbm.txt"
    content = bytearray(weights.read_bytes())
    content[200] ^= 1
    weights.chmod(0o644)
    weights.write_bytes(content)
    with pytest.raises(ArtifactError, match="is damaged"):
        continued(trips)


def test_another_kind_of_model_is_refused(tmp_path):
    trips = trips_with(tmp_path, "lightgbm")
    with pytest.raises(SpecError, match="train/v0001 is of lightgbm, not of xgboost"):
        continued(trips, "train.model={kind: xgboost}")


def test_steps_that_use_the_target_are_not_taken_over(tmp_path):
    """Cross-fitted values are those of the rows that they were fitted on; the graph's are those of new rows."""
    made = project(tmp_path)
    steps = "prepare.features=[{kind: target, columns: [weather]}]"
    trips = Trips(made.folder, ("train.model={kind: lightgbm, iterations: 30}", "~evaluate.gates", steps))
    trips.stages("prepare", "train")
    with pytest.raises(SpecError, match="train/v0001 has a feature step that uses the target"):
        continued(trips)


def test_a_column_that_is_no_input_any_more_is_refused(tmp_path):
    trips = trips_with(tmp_path, "lightgbm")
    trips.write("second.csv", 400, seed=2)
    other = "prepare.columns.km={role: ignore}"
    trips.stage("prepare", other)
    with pytest.raises(DataError, match='knows "km" as number; now it is ignored'):
        trips.stage("train", other, "train.warm_start=train/v0001")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.model={kind: ridge}", "ridge can't go on from earlier weights; what can: .*lightgbm.*sgd"),
        ("train.validation={kind: kfold}", "continued on learn and looked at on validation"),
        ("train.refit=learn+validation", "continued on learn and looked at on validation"),
    ],
)
def test_what_can_not_be_continued_is_said_when_the_spec_is_read(override, message, tmp_path):
    trips = Trips(project(tmp_path).folder, ("train.model={kind: lightgbm}",))
    with pytest.raises(SpecError, match=message):
        trips.job("train.warm_start=champion", override)
