"""Tasks quantile and ordinal through all stages, from rows to what a server answers."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from modelwright.core.errors import DataError, SpecError
from modelwright.serving.signature import Signature
from stages.trips import Trips, project


def quantiles(folder, *overrides):
    made = project(folder)
    task = "task={kind: quantile, target: minutes, quantiles: [0.1, 0.5, 0.9]}"
    return Trips(made.folder, (task, "train.model={kind: lightgbm, iterations: 60}", "~evaluate.gates", *overrides))


def grades(folder, *overrides):
    """Trips graded by how long they take; the words do not sort as the grades do."""
    made = project(folder, rows=800)
    for path in (made.folder / "data").glob("*.csv"):
        rows = [line.split(",") for line in path.read_text().splitlines()]
        minutes = [float(row[4]) for row in rows[1:]]
        grade = ["grade", *("short" if one < 20 else "long" if one > 45 else "middling" for one in minutes)]
        path.write_text("\n".join(",".join([*row, word]) for row, word in zip(rows, grade, strict=True)) + "\n")
    task = "task={kind: ordinal, target: grade, order: [short, middling, long]}"
    hidden = "prepare.columns.minutes={role: ignore}"
    return Trips(made.folder, (task, hidden, "train.model={kind: logistic}", "~evaluate.gates", *overrides))


def test_quantiles_are_trained_evaluated_exported_and_served(tmp_path):
    trips = quantiles(tmp_path)
    trained = trips.stages("prepare", "train").run
    assert list(trained.read_json("scores.json")["scores"]) == ["coverage", "coverage_error", "pinball"]
    assert trained.read_json("parity.json")["largest"] <= 1e-9
    evaluated, exported = trips.stage("evaluate").run, trips.stage("export").run
    written = pq.read_table(evaluated.file("predictions.parquet"))
    levels = np.stack([written[f"quantile_{level}"].to_numpy() for level in ("0.1", "0.5", "0.9")], axis=1)
    assert (np.diff(levels, axis=1) >= 0).all()
    np.testing.assert_array_equal(written["prediction"].to_numpy(), levels[:, 1])
    inside = ((written["truth"].to_numpy() > levels[:, 0]) & (written["truth"].to_numpy() <= levels[:, 2])).mean()
    report = evaluated.read_bytes("report.html").decode()
    assert "Do the quantiles hold?" in report and f"{inside:.1%}" in report
    assert f"{inside:.0%} of the rows have a minutes between" in evaluated.read_bytes("model_card.md").decode()
    signature = Signature.from_dict(exported.read_json("signature.json"))
    assert [output.name for output in signature.outputs] == ["prediction", "quantile"]
    answer = exported.read_json("smoke.json")["requests"][0]["answer"]
    assert set(answer["quantile"]) == {"0.1", "0.5", "0.9"}
    assert answer["prediction"] == answer["quantile"]["0.5"]


@pytest.mark.parametrize("validation", ["holdout", "kfold"])
def test_other_quantiles_need_no_other_data_and_folds_work_too(validation, tmp_path):
    trips = quantiles(tmp_path, f"train.validation={{kind: {validation}}}")
    trips.stage("prepare")
    one = trips.stage("train", "task.quantiles=[0.8]").run
    assert one.read_json("scores.json")["rows"] > 100
    assert one.read_json("model.json")["notes"]["quantiles"] == [0.8]


def test_conformal_quantiles_are_told_of_wherever_the_model_is(tmp_path):
    trips = quantiles(tmp_path, "train.calibration=conformal")
    trained = trips.stages("prepare", "train").run
    told = trained.read_json("model.json")
    assert told["notes"]["calibration"] == "conformal" and len(told["notes"]["shifts"]) == 3
    assert trained.read_json("parity.json")["largest"] <= 1e-9
    assert trained.read_json("scores.json")["scores"]["coverage"] == told["calibration"]["after"]["coverage"]
    evaluated = trips.stage("evaluate").run
    coverage = evaluated.read_json("metrics.json")["metrics"]["coverage"]
    assert coverage["low"] < 0.8 < coverage["high"], "an interval of 95 % around what it holds on test rows"
    for file in ("report.html", "model_card.md"):
        assert "Each quantile was moved by one number" in evaluated.read_bytes(file).decode()


def test_a_portfolio_of_quantiles_is_chosen_by_pinball_loss(tmp_path):
    trips = quantiles(tmp_path, "train.model={kind: auto, budget_s: 600, max_models: 3}")
    trained = trips.stages("prepare", "train").run
    board = trained.read_json("leaderboard.json")
    assert [(entry["name"], entry["metric"]) for entry in board if entry["rank"]] == [
        ("linear_quantile", "pinball"), ("lightgbm", "pinball"), ("prior", "pinball"),
    ]  # fmt: skip
    assert board[0]["score"]["value"] == pytest.approx(trained.read_json("scores.json")["scores"]["pinball"])
    assert trained.read_json("parity.json")["largest"] <= 1e-9


def test_grades_are_predicted_in_their_order(tmp_path):
    trips = grades(tmp_path)
    prepared = trips.stage("prepare").run
    assert prepared.read_json("schema.json")["classes"] == ["short", "middling", "long"]
    trained = trips.stage("train").run
    scores = trained.read_json("scores.json")["scores"]
    assert scores["quadratic_kappa"] > 0.7 and scores["rank_mae"] < 0.4
    evaluated, exported = trips.stage("evaluate").run, trips.stage("export").run
    written = pq.read_table(evaluated.file("predictions.parquet"))
    total = sum(written[f"probability_{grade}"].to_numpy() for grade in ("short", "middling", "long"))
    np.testing.assert_allclose(total, 1)
    assert "classes too high or too low" in evaluated.read_bytes("report.html").decode()
    assert exported.read_json("signature.json")["classes"] == ["short", "middling", "long"]


def test_a_portfolio_and_calibration_and_costs_work_on_an_order(tmp_path):
    trips = grades(
        tmp_path,
        "train.model={kind: auto, budget_s: 60, max_models: 3}",
        "train.calibration=isotonic",
        "train.decision={costs: {long: {short: 50}}}",
    )
    trained = trips.stages("prepare", "train").run
    told = trained.read_json("model.json")
    assert told["decision"]["costs"] == [[0, 1, 2], [1, 0, 1], [50, 1, 0]], "steps apart, where nothing else is said"
    assert told["calibration"]["kind"] == "isotonic"
    assert trained.read_json("parity.json")["largest"] <= 1e-9


def test_words_without_an_order_are_refused_when_the_data_is_prepared(tmp_path):
    with pytest.raises(DataError, match="words have no order of their own"):
        grades(tmp_path, "~task.order").stage("prepare")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("task.quantiles=[0.5, 0.1]", "quantiles are to rise"),
        ("task.quantiles=[0.1, 1.2]", "less than 1"),
        ("task.quantiles=[]", "at least 1"),
        ("train.model={kind: ridge}", "ridge is for regression, not for quantile; what can do it: .*lightgbm"),
        ("train.calibration=isotonic", "only probabilities of classes are calibrated.*; conformal moves quantiles"),
        ("task={kind: regression, target: minutes}", "conformal moves quantiles; regression has none"),
    ],
)
def test_what_the_task_can_not_be_is_said_when_the_spec_is_read(override, message, tmp_path):
    with pytest.raises(SpecError, match=message):
        quantiles(tmp_path, "train.calibration=conformal", override).job()
