"""Calibration and decision from the spec to the server: in the graph, told wherever the model is told of."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from modelwright.core.errors import SpecError
from modelwright.graph.running import Scorer
from modelwright.serving.protocols.openapi import document
from modelwright.serving.signature import Signature
from modelwright.spec.load import load
from modelwright.stages import lineage, train
from stages.test_train import prepared, read, run
from stages.trips import project

FOLDS = "validation: {kind: kfold, folds: 4}"
DEAR_MISSES = "decision: {costs: {false_positive: 1, false_negative: 8}}"


def decided(folder, task, *keys):
    return run(prepared(folder, task, "{model: {kind: logistic}, " + ", ".join(keys) + "}"))


def test_dear_misses_are_made_less_often_and_the_run_says_so(tmp_path):
    done = decided(tmp_path, "binary", FOLDS, DEAR_MISSES)
    told = done.read_json("model.json")["decision"]
    assert told["threshold"] < 0.3 and told["positive"] == "yes"
    assert told["cost_per_row"] < told["cost_per_row_by_most_probable"]
    scores = done.read_json("scores.json")
    assert scores["chosen_by"]["threshold"] == scores["chosen_by"]["scores"]
    written = read(done, "predictions.parquet")
    said = np.array(written["prediction"].to_pylist()) == "yes"
    np.testing.assert_array_equal(said, written["probability_yes"].to_numpy() >= told["threshold"])
    right = (np.array(written["prediction"].to_pylist()) == np.array(written["truth"].to_pylist())).mean()
    assert scores["scores"]["accuracy"] == pytest.approx(right, abs=0.03), "of the labels decided (rows are weighted)"


@pytest.mark.parametrize("choice", ["sigmoid", "isotonic", "temperature"])
def test_calibration_and_decision_are_in_the_graph(choice, tmp_path):
    done = decided(tmp_path, "binary", FOLDS, f"calibration: {choice}", DEAR_MISSES)
    rows = pq.read_table(lineage_test_rows(done, tmp_path))
    shown = Scorer(done.read_bytes("model.onnx")).run_table(rows)
    threshold = done.read_json("model.json")["decision"]["threshold"]
    np.testing.assert_array_equal(shown["prediction"] == "yes", shown["probability"][:, 1] >= threshold)
    assert done.read_json("parity.json")["largest"] <= 1e-9
    assert done.read_json("model.json")["notes"]["calibration"] == choice


def lineage_test_rows(done, folder):
    return folder / "runs" / "small" / "prepare" / "v0001" / "test.parquet"


def test_a_fixed_threshold_depends_on_no_rows(tmp_path):
    done = decided(tmp_path, "binary", "decision: {threshold: 0.4}")
    assert "threshold" not in done.read_json("scores.json")["chosen_by"]
    assert len(read(done, "fitted_rows.parquet")) == 400, "learn only"


def test_several_classes_are_decided_by_a_matrix(tmp_path):
    done = decided(tmp_path, "multiclass", 'decision: {costs: {"7": {"1": 20, "2": 20}}}')
    plain = decided(make(tmp_path / "plain"), "multiclass", "refit: none")
    often = [read(one, "predictions.parquet")["prediction"].to_pylist().count(7) for one in (done, plain)]
    assert often[0] > 1.5 * often[1]


def make(folder):
    folder.mkdir()
    return folder


def test_a_class_that_there_is_not_is_refused_with_the_near_miss(tmp_path):
    with pytest.raises(SpecError, match='"yess" is not a class; did you mean "yes"'):
        decided(tmp_path, "binary", "decision: {costs: {yess: {no: 2}}}")


@pytest.mark.parametrize(
    ("task", "keys", "message"),
    [
        ("regression", "calibration: isotonic", "only probabilities of classes are calibrated; regression has none"),
        ("regression", "decision: {threshold: 0.4}", "only classes are decided by probabilities"),
        ("multiclass", "decision: {f_beta: 2}", "a threshold is for two classes, not for multiclass"),
        ("binary", "decision: {f_beta: 2, threshold: 0.5}", "exactly one of threshold, f_beta, costs"),
        ("binary", "decision: {}", "exactly one of threshold, f_beta, costs"),
        ("binary", "decision: {threshold: 1.5}", "less than 1|must be"),
        ("binary", "decision: {costs: {false_positive: -1}}", "greater than or equal|at least"),
        ("binary", "calibration: platt", "platt|isotonic"),
    ],
)
def test_what_makes_no_sense_is_refused_when_the_spec_is_read(task, keys, message, tmp_path):
    with pytest.raises(SpecError) as caught:
        prepared(tmp_path, task, "{" + keys + "}")
    said = "\n".join(str(problem) for problem in caught.value.problems)
    assert re.search(message, said), said
    assert "spec.yaml:" in said


def test_the_rule_goes_with_the_model_to_report_card_bundle_and_server(tmp_path):
    trips = project(tmp_path, task="binary", target="late")
    trips = type(trips)(
        trips.folder,
        (
            "train.decision={costs: {false_positive: 1, false_negative: 6}}",
            "train.calibration=sigmoid",
            "~evaluate.gates",
        ),
    )
    trips.stages("prepare", "train")
    evaluated, exported = trips.stage("evaluate").run, trips.stage("export").run
    card, report = evaluated.read_bytes("model_card.md").decode(), evaluated.read_bytes("report.html").decode()
    rule = "yes is predicted from a probability of"
    assert rule in card and rule in report
    assert "Probabilities are calibrated (sigmoid)" in card
    assert "when calibrated: before" in report and "cost per row" in report
    signature = Signature.from_dict(exported.read_json("signature.json"))
    assert signature.decision is not None and signature.decision["rule"] == "least cost"
    answer = document(signature)["components"]["schemas"]["Prediction"]["properties"]["prediction"]
    assert answer["description"].startswith("yes from a probability of")
    written = pq.read_table(evaluated.file("predictions.parquet"))
    threshold = signature.decision["threshold"]
    said = np.array(written["prediction"].to_pylist()) == "yes"
    np.testing.assert_array_equal(said, written["probability_yes"].to_numpy() >= threshold)
    accuracy = evaluated.read_json("metrics.json")["metrics"]["accuracy"]["value"]
    right = np.array(written["prediction"].to_pylist()) == np.array(written["truth"].to_pylist())
    assert accuracy == pytest.approx(right.mean()), "evaluate measures the labels that the graph gives"


def test_another_decision_is_another_model_but_not_other_data(tmp_path):
    job = prepared(tmp_path, "binary", "{model: {kind: logistic}}")
    other = replace(job, spec=load(tmp_path / "spec.yaml", ["train.decision={threshold: 0.3}"]).spec)
    assert lineage.prepare_identity(other).key == lineage.prepare_identity(job).key
    assert train.plan(other).identity.key != train.plan(job).identity.key


def test_monitor_measures_the_labels_that_were_decided(tmp_path):
    """By the most probable class accuracy would be another, and look like a change of the world."""
    rule = "train.decision={costs: {false_positive: 1, false_negative: 40}}"
    made = project(tmp_path, task="binary", target="late", rows=1500)
    trips = type(made)(made.folder, (rule, "~evaluate.gates"))
    trips.stages("prepare", "train", "evaluate", "export")
    trips.aliases.promote(1)
    result = trips.stage("monitor", data=trips.write("../new.csv", 1200, seed=9))
    accuracy = result.run.read_json("performance.json")["metrics"]["accuracy"]
    before, now = accuracy["reference"], accuracy["current"]
    assert accuracy["status"] == "quiet"
    assert before["low"] < now["value"] < before["high"]
