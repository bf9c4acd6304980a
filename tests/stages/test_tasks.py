"""Tasks without a target, and with several, go the whole way, from prepare to monitor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from modelwright.core.errors import DataError, SpecError
from modelwright.core.progress import Silent
from modelwright.graph.parity import over_batch_sizes
from modelwright.graph.running import Scorer
from modelwright.serving.bundle import open_bundle
from modelwright.serving.log.entries import Entry
from modelwright.serving.log.prediction_log import PredictionLog
from modelwright.serving.model import ServedModel
from modelwright.serving.rows import accepted, json_rows
from modelwright.serving.settings import Limits
from modelwright.stages import predict
from stages.sales import TASKS, Sales, project, write

EXPORTED = ("prepare", "train", "evaluate", "export")
ANSWERS = {
    "clustering": {"cluster", "distance_to"},
    "density": {"cluster", "distance_to"},
    "dimension_reduction": {"component", "reconstruction_error"},
    "anomaly": {"anomaly_score", "is_anomaly"},
    "labelled_anomaly": {"anomaly_score", "is_anomaly"},
    "multilabel": {"prediction", "probability"},
    "multi_regression": {"prediction"},
}
METRICS = {
    "clustering": {"silhouette", "davies_bouldin", "calinski_harabasz"},
    "density": {"silhouette", "davies_bouldin", "calinski_harabasz"},
    "dimension_reduction": {"explained_variance", "reconstruction_error"},
    "anomaly": {"flagged_share"},
    "labelled_anomaly": {"average_precision", "precision", "recall", "f1", "flagged_share"},
    "multilabel": {"f1", "f1_micro", "log_loss", "hamming_loss", "subset_accuracy"},
    "multi_regression": {"r2", "rmse", "mae"},
}
made: dict[str, Sales] = {}


@pytest.fixture(params=list(TASKS))
def task(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sales(task: str, tmp_path_factory: pytest.TempPathFactory) -> Sales:
    if task not in made:
        made[task] = project(tmp_path_factory.mktemp(task), task)
        made[task].stages(*EXPORTED)
    return made[task]


def run_of(sales: Sales, stage: str) -> Any:
    return sales.job().store.open("sales", stage, 1)


def served(sales: Sales) -> ServedModel:
    bundle = open_bundle(run_of(sales, "export").path)
    return ServedModel(bundle.signature, bundle.model, version=1, limits=Limits())


def told_of(task: str) -> bool:
    """Whether a column says what is true."""
    return "target:" in TASKS[task][0] or "labels:" in TASKS[task][0]


def flat(answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in answer.items():
        found |= {f"{name}_{key}": one for key, one in value.items()} if isinstance(value, dict) else {name: value}
    return found


def test_the_graph_is_what_was_fitted_at_any_batch_size(sales: Sales) -> None:
    assert run_of(sales, "train").read_json("parity.json")["largest"] <= 1e-9
    model = served(sales)
    test = pq.read_table(run_of(sales, "prepare").file("test.parquet"))
    sizes = over_batch_sizes(Scorer(run_of(sales, "export").read_bytes("model.onnx")), model.feed(test))
    assert {gap for size in sizes.values() for gap in size.values()} == {0.0}


def test_every_row_gets_the_answer_that_evaluate_wrote(sales: Sales, task: str) -> None:
    test = pq.read_table(run_of(sales, "prepare").file("test.parquet"))
    written = pq.read_table(run_of(sales, "evaluate").file("predictions.parquet")).to_pylist()
    model = served(sales)
    inputs = model.signature.inputs
    for row, expected in zip(json_rows(test, inputs), written, strict=True):
        if accepted(row, inputs):
            answer = model.predictions(model.score(model.decoder.convert([row])))[0]
            assert set(answer) == ANSWERS[task]
            told = flat(answer)
            assert told == {name: expected[name] for name in told}
    assert [output.name for output in model.signature.outputs] == list(answer)


def test_metrics_have_intervals_and_the_report_and_card_are_written(sales: Sales, task: str) -> None:
    run = run_of(sales, "evaluate")
    found = run.read_json("metrics.json")["metrics"]
    assert set(found) == METRICS[task]
    for metric in found.values():
        assert metric["low"] <= metric["value"] <= metric["high"]
    assert run.read_json("details.json")
    assert b"<h1>" in run.read_bytes("report.html") and b"## Scores" in run.read_bytes("model_card.md")
    assert {entry["column"] for entry in run.read_json("slices.json")} == {"city"}
    assert set(run_of(sales, "train").read_json("scores.json")["scores"]) == METRICS[task]


def test_predict_and_monitor_take_new_rows(sales: Sales, task: str) -> None:
    new = write(sales.folder / "new.csv", 300, seed=2)
    bundle = open_bundle(run_of(sales, "export").path)
    spec = sales.job().spec
    with predict.predict(bundle, spec.prepare, str(new), Silent()) as found:
        answered = pa.Table.from_batches(found.batches)
    names = [name for output in bundle.signature.outputs for name in output.columns]
    assert answered.num_rows == 300 and answered.column_names == ["sale", *names]
    result = sales.stage("monitor", data=new)
    assert (result.exit_code, result.summary["status"]) == (0, "quiet")
    assert set(result.run.read_json("performance.json")["metrics"]) == (METRICS[task] if told_of(task) else set())


def test_what_was_served_is_logged_and_monitored(sales: Sales, task: str) -> None:
    model, folder = served(sales), sales.folder / "log"
    test = pq.read_table(run_of(sales, "prepare").file("learn.parquet"))
    fields = model.signature.fields
    rows = [row for row in json_rows(test, fields) if accepted(row, model.signature.inputs)]
    log = PredictionLog(folder, {1: model.signature}, queue_rows=100_000)
    now_us = 1_790_000_000_000_000
    log.append(Entry("r1", now_us, 1, "champion", 1.0, model.score(model.decoder.convert(rows))))
    log.close()
    labels = "{kind: csv, path: sales.csv, key: sale}" if told_of(task) else ""
    result = sales.stage("monitor", *([f"monitor.labels={labels}"] if labels else []))
    assert result.summary["rows"] == len(rows)
    measured = result.run.read_json("performance.json")
    assert set(measured["metrics"]) == (METRICS[task] if labels else set()), measured["why"]


def test_tune_finds_settings_that_train_takes(task: str, tmp_path: Path) -> None:
    sales = project(tmp_path, task, rows=250)
    sales.stage("prepare")
    tuned = sales.stage("tune")
    best = json.loads(json.dumps(tuned.summary))
    assert best["trials"] == 3 and np.isfinite(best["score"])


def test_the_labels_of_anomalies_are_seen_by_nobody_but_evaluate(tmp_path: Path) -> None:
    sales = project(tmp_path, "labelled_anomaly")
    sales.stages("prepare", "train")
    first = run_of(sales, "train")
    assert first.read_json("model.json")["inputs"] == ["length", "width", "city"]
    rows = [line.split(",") for line in (tmp_path / "sales.csv").read_text().splitlines()]
    at = rows[0].index("odd")
    swapped = {"odd": "usual", "usual": "odd"}
    text = [
        ",".join(swapped.get(cell, cell) if place == at else cell for place, cell in enumerate(row)) for row in rows[1:]
    ]
    (tmp_path / "sales.csv").write_text("\n".join([",".join(rows[0]), *text]) + "\n")
    sales.stages("prepare", "train")
    second = sales.job().store.open("sales", "train", 2)
    assert second.read_bytes("model.onnx") == first.read_bytes("model.onnx")


def test_rows_without_a_label_are_learnt_from_but_not_counted(tmp_path: Path) -> None:
    sales = project(tmp_path, "labelled_anomaly")
    sales.stages(*EXPORTED[:3])
    rows = run_of(sales, "prepare").read_json("rows.json")["rows"]
    assert rows["learn"] + rows["validation"] + rows["test"] == 400
    said = pq.read_table(run_of(sales, "evaluate").file("predictions.parquet"))
    known = np.array([truth is not None for truth in said["truth"].to_pylist()])
    odd = np.array([truth == "odd" for truth in said["truth"].to_pylist()])
    flagged = np.asarray(said["is_anomaly"])
    assert 0 < known.sum() < len(known)
    value = run_of(sales, "evaluate").read_json("metrics.json")["metrics"]["recall"]["value"]
    assert value == pytest.approx((flagged & odd).sum() / odd.sum())
    precision = run_of(sales, "evaluate").read_json("metrics.json")["metrics"]["precision"]["value"]
    assert precision == pytest.approx((flagged & odd).sum() / (flagged & known).sum())


def test_the_share_that_is_asked_for_is_flagged_on_learn(tmp_path: Path) -> None:
    sales = project(tmp_path, "anomaly")
    for share in (0.02, 0.1, 0.3):
        sales.stage("prepare", f"task.contamination={share}")
        trained = sales.stage("train", f"task.contamination={share}").run
        assert trained.read_json("model.json")["notes"]["flagged_share_of_learn"] == pytest.approx(share, abs=0.01)


def test_each_target_is_told_alone_and_in_the_mean(tmp_path: Path) -> None:
    sales = project(tmp_path, "multi_regression")
    sales.stages(*EXPORTED[:3])
    run = run_of(sales, "evaluate")
    each, mean = run.read_json("details.json")["targets"], run.read_json("metrics.json")["metrics"]
    assert list(each) == ["price", "weight"]
    for metric in ("r2", "rmse", "mae"):
        alone = [target[metric]["value"] for target in each.values()]
        assert mean[metric]["value"] == pytest.approx(np.mean(alone))
    said = pq.read_table(run.file("predictions.parquet")).to_pandas()
    error = (said["truth_weight"] - said["prediction_weight"]) ** 2
    assert each["weight"]["rmse"]["value"] == pytest.approx(error.mean() ** 0.5)


def test_each_target_gets_the_model_that_it_would_get_alone(tmp_path: Path) -> None:
    sales = project(tmp_path, "multi_regression")
    sales.stages("prepare", "train")
    together = pq.read_table(run_of(sales, "train").file("predictions.parquet"))
    (tmp_path / "alone").mkdir()
    alone = project(tmp_path / "alone", "multi_regression")
    text = (alone.folder / "spec.yaml").read_text()
    text = text.replace("{kind: multi_regression, target: [price, weight]}", "{kind: regression, target: weight}")
    (alone.folder / "spec.yaml").write_text(text.replace("    fresh:", "    price: {role: ignore}\n    fresh:"))
    alone.stages("prepare", "train")
    single = pq.read_table(run_of(alone, "train").file("predictions.parquet"))
    first, second = (
        dict(zip(table["sale"].to_pylist(), table[name].to_pylist(), strict=True))
        for table, name in ((together, "prediction_weight"), (single, "prediction"))
    )
    assert first == second


def test_folds_and_a_portfolio_serve_several_targets_too(tmp_path: Path) -> None:
    sales = project(tmp_path, "multi_regression", rows=200)
    sales.stage("prepare")
    settings = ("train.validation={kind: kfold, folds: 3}", "train.model={kind: auto, budget_s: 60, max_models: 2}")
    trained = sales.stage("train", *settings).run
    rows = trained.read_json("leaderboard.json")
    assert {row["target"] for row in rows} == {"price", "weight"}
    assert trained.read_json("scores.json")["rows"] > 150
    assert trained.read_json("parity.json")["largest"] <= 1e-9 * 100


@pytest.mark.parametrize(
    ("task", "overrides", "said"),
    [
        ("clustering", ("task.target=price",), "clustering has no target, so leave it out"),
        ("anomaly", ("task.target=odd",), "known labels are named under task.labels"),
        ("clustering", ("~train.model",), "auto is for .*not for clustering; what can do it: dbscan, gaussian_mixture"),
        ("clustering", ("train.model={kind: pca}",), "what can do it: dbscan, gaussian_mixture, hdbscan, k_means"),
        (
            "multilabel",
            ("train.model={kind: ridge}",),
            "ridge is for regression, not for multilabel; what can do it: auto",
        ),
        ("multilabel", ("task.target=[fresh]",), "at least 2 items"),
        ("multilabel", ("task.target=[fresh, fresh]",), '"fresh" is named twice'),
        ("clustering", ("task.metric=rmse",), "rmse is for .*, not for clustering"),
        ("clustering", ("train.validation={kind: kfold}",), "clustering has no target whose values folds"),
        ("clustering", ("prepare.split={kind: stratified}",), "there is no target whose mix"),
        ("clustering", ("prepare.features=[{kind: target, columns: [city]}]",), "the task has none"),
        ("multilabel", ("prepare.features=[{kind: target, columns: [city]}]",), "the task has several"),
        ("multilabel", ("task.target=[fresh, city]",), "city: the target is of type .*true and false, or of 1 and 0"),
        ("multi_regression", ("task.target=[price, city]",), "city: the target is of type .*regression needs numbers"),
        ("labelled_anomaly", ("~task.positive",), "which value of odd marks an anomaly"),
        ("labelled_anomaly", ("task.positive=od",), 'odd is never "od"; did you mean "odd"'),
        ("clustering", ("train.model={kind: k_means, clusters: 999}",), "999 clusters of"),
        ("density", ("train.model={kind: dbscan, radius: 1.0e-9}",), "dbscan found no cluster"),
        ("dimension_reduction", ("train.model={kind: nmf}",), "nmf: negative values in the features"),
    ],
)
def test_what_can_not_be_is_said_in_one_line(task: str, overrides: tuple[str, ...], said: str, tmp_path: Path) -> None:
    sales = project(tmp_path, task)
    with pytest.raises((SpecError, DataError), match=said) as told:
        for stage in ("prepare", "train"):
            sales.stage(stage, *overrides)
    assert len(told.value.problems) == 1


def test_a_column_that_is_called_like_an_answer_is_refused_by_name(tmp_path: Path) -> None:
    sales = project(tmp_path, "clustering")
    path = tmp_path / "sales.csv"
    path.write_text(path.read_text().replace("width", "cluster"))
    with pytest.raises(SpecError, match='a column named "cluster"'):
        sales.stages("prepare", "train")
