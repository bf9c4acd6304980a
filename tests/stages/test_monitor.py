"""Monitor: quiet when nothing changed, loud when something did, and a window counts once."""

from __future__ import annotations

import shutil

import pytest

from modelwright.core.errors import ALERT_RAISED, ArtifactError, DataError, SpecError
from modelwright.serving.log.entries import Entry
from modelwright.serving.log.prediction_log import PredictionLog
from modelwright.serving.model import ServedModel
from modelwright.serving.settings import Limits
from modelwright.serving.signature import Signature
from stages.trips import project

EXPORTED = ("prepare", "train", "evaluate", "export")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    made = project(tmp_path_factory.mktemp("exported"), rows=1500)
    made.stages(*EXPORTED)
    made.aliases.promote(1)
    return made


@pytest.fixture
def trips(exported, tmp_path):
    return exported.copied(tmp_path)


def test_rows_of_the_same_world_are_quiet(trips):
    result = trips.stage("monitor", data=trips.write("../new.csv", 800, seed=9))
    assert (result.exit_code, result.summary["status"]) == (0, "quiet")
    assert set(result.run.read_json("performance.json")["metrics"]) == {"rmse", "mae", "r2"}


def test_a_moved_input_is_an_alert_that_names_it(trips):
    result = trips.stage("monitor", data=trips.write("../new.csv", 800, seed=9, shift=4.0))
    assert result.exit_code == ALERT_RAISED
    assert list(result.summary["changed"]) == ["km"]
    assert "km changed by" in result.summary["reasons"][0]
    assert trips.stage("monitor", data=trips.folder / "new.csv").exit_code == ALERT_RAISED, "also when cached"


def test_a_changed_relation_is_seen_in_the_performance_though_no_input_moved(trips):
    result = trips.stage("monitor", data=trips.write("../new.csv", 800, seed=9, slope=4.0))
    assert result.exit_code == ALERT_RAISED and not result.summary["changed"]
    assert "rmse went from" in result.summary["reasons"][0]


def test_labels_come_from_another_file_and_the_latest_counts(trips):
    """An early guess, a correction that stands before it in the file, and one that says nothing."""
    rows = [line.split(",") for line in trips.write("../new.csv", 300, seed=9).read_text().splitlines()]
    trip, minutes = (rows[0].index(name) for name in ("trip", "minutes"))
    labels = ["trip,minutes,known"]
    for row in rows[1:]:
        labels += [f"{row[trip]},{row[minutes]},2026-02-02T00:00:00Z", f"{row[trip]},1000,2026-02-01T00:00:00Z"]
        labels += [f"{row[trip]},,2026-02-03T00:00:00Z"]
    (trips.folder / "labels.csv").write_text("\n".join(labels) + "\n")
    kept = [",".join(value for at, value in enumerate(row) if at != minutes) for row in rows]
    (trips.folder / "unlabelled.csv").write_text("\n".join(kept) + "\n")
    settings = (
        "monitor.source={kind: csv, path: unlabelled.csv}",
        "monitor.labels={kind: csv, path: labels.csv, key: trip, time: %s}",
    )
    result = trips.stage("monitor", settings[0], settings[1] % "known")
    performance = result.run.read_json("performance.json")
    assert performance["labelled"] == 300 and performance["metrics"]["rmse"]["status"] == "quiet"
    with pytest.raises(DataError, match='did you mean "known"'):
        trips.stage("monitor", settings[0], settings[1] % "knwon")


def test_a_metric_that_is_undefined_in_a_window_is_said_to_be(tmp_path):
    made = project(tmp_path, task="binary", target="late", rows=1500)
    made.stages(*EXPORTED)
    path = made.write("../new.csv", 200, seed=9)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *(line for line in lines[1:] if line.endswith(",no"))]) + "\n")
    result = made.stage("monitor", data=path)
    assert result.summary["performance"]["roc_auc"] == "quiet, undefined on these rows"
    assert made.stage("monitor", data=path).cached


def test_retraining_is_due_after_two_alerts_of_three_and_a_window_counts_once(trips):
    for seed, due in ((9, False), (9, False), (10, True)):
        data = trips.write("../new.csv", 800, seed=seed, shift=4.0)
        assert trips.stage("monitor", data=data).summary["retrain"] is due


def test_the_same_window_again_in_another_run_counts_once(trips):
    first = trips.write("../new.csv", 800, seed=9, shift=4.0)
    assert not trips.stage("monitor", data=first).summary["retrain"]
    shifted = trips.write("../new.csv", 800, seed=9, shift=4.001)  # another file about the same days
    again = trips.stage("monitor", data=shifted)
    assert not again.cached and not again.summary["retrain"]


def test_only_the_window_counts(trips):
    late = trips.write("../new.csv", 500, seed=27)
    early = trips.write("../early.csv", 500, seed=2, shift=9.0).read_text().splitlines()[1:]
    late.write_text(late.read_text() + "\n".join(early) + "\n")
    result = trips.stage("monitor", data=late)
    assert result.summary["rows"] == 500 and result.summary["status"] == "quiet"
    everything = trips.stage("monitor", "~monitor.window", data=late)
    assert everything.summary["rows"] == 1000 and everything.summary["status"] == "alert"


def test_a_window_without_rows_is_a_data_error(trips):
    data = trips.write("../new.csv", 50, seed=9)
    with pytest.raises(DataError, match="no rows from"):
        trips.stage("monitor", "monitor.window.until='2027-01-01T00:00:00Z'", data=data)


def test_nothing_to_look_at_is_said_with_what_to_do(trips):
    with pytest.raises(SpecError, match="nothing to look at"):
        trips.stage("monitor")
    with pytest.raises(DataError, match="prediction log is empty"):
        trips.stage("monitor", "serve.log.folder=log")


def test_columns_that_the_log_must_not_hold_are_named_as_skipped(trips):
    export = trips.job().store.open("trips", "export", 1)
    signature = Signature.from_dict(export.read_json("signature.json"))
    model = ServedModel(signature, export.read_bytes("model.onnx"), version=1, limits=Limits())
    log = PredictionLog(trips.folder / "log", {1: signature}, queue_rows=1000, redact=["weather"])
    rows = [
        {"trip": f"r{number}", "at": "2026-02-01T00:00:00Z", "km": 1 + number % 19, "weather": "dry"}
        for number in range(300)
    ]
    log.append(Entry("r", 1_770_000_000_000_000, 1, "champion", 1.0, model.score(model.decoder.convert(rows))))
    log.close()
    result = trips.stage("monitor", "serve.log={folder: log, redact: [weather]}")
    assert result.summary["skipped"] == result.run.read_json("drift.json")["skipped"] == ["weather"]
    assert "(serve.log.redact): weather." in result.run.read_bytes("report.html").decode()
    whole = trips.stage("monitor", data=trips.write("../new.csv", 800, seed=9))
    assert "skipped" not in whole.summary and whole.run.read_json("drift.json")["skipped"] == []


def test_before_the_first_export_there_is_nothing_to_monitor(tmp_path):
    with pytest.raises(ArtifactError, match="no export to monitor"):
        project(tmp_path).stage("monitor", data=tmp_path / "data" / "first.csv")


def test_a_copied_bundle_is_monitored_without_its_runs(trips, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    bundle = shutil.copytree(trips.folder / "runs/trips/export/v0001", elsewhere / "bundle")
    alone = project(elsewhere)
    data = trips.write("../new.csv", 800, seed=9, shift=4.0)
    assert (
        alone.stage("monitor", data=data, bundle=bundle).summary["changed"]
        == trips.stage("monitor", data=data).summary["changed"]
    )
