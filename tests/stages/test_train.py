"""The train stage, on a prepare run committed like any other."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelwright.core.columns import ROW_DIGEST, Column, Schema
from modelwright.core.errors import ArtifactError, DataError
from modelwright.core.progress import Silent
from modelwright.fitting import scoring
from modelwright.fitting.features import fit_features
from modelwright.graph.running import Scorer
from modelwright.runs.commit import begin
from modelwright.runs.store import Store
from modelwright.spec.load import load
from modelwright.stages import lineage, train
from modelwright.stages.job import Job

TASKS = {
    "regression": ("{kind: regression, target: y}", "number", None),
    "binary": ("{kind: binary, target: y}", "category", ("no", "yes")),
    "multiclass": ("{kind: multiclass, target: y}", "integer", (1, 2, 7)),
}
ROWS = 400


def table(task, seed, rows=ROWS):
    random = np.random.default_rng(seed)
    x, word = random.normal(size=rows), random.integers(0, 4, rows)
    value = x + (word == 1) + 0.3 * random.normal(size=rows)
    target = {
        "regression": pa.array(value),
        "binary": pa.array(np.where(value > 0.5, "yes", "no").tolist(), pa.string()),
        "multiclass": pa.array(np.array([1, 2, 7])[np.digitize(value, [0, 1])]),
    }[task]
    return pa.table(
        {
            ROW_DIGEST: pa.array(random.integers(-(2**63), 2**63 - 1, rows)),
            "key": pa.array([f"{seed}-{number}" for number in range(rows)], pa.string()),
            "x": pa.array(x, mask=random.random(rows) < 0.1),
            "word": pa.array([[None, "a", "b", "c"][code] for code in word], pa.string()),
            "importance": pa.array(random.random(rows) + 0.5),
            "y": target,
        }
    )


def prepared(folder, task, train_section, *, validation_rows=200, steps="auto", learn=None):
    """A job whose prepare run is committed."""
    written, kind, classes = TASKS[task]
    (folder / "data.csv").write_text("x\n1\n")
    (folder / "spec.yaml").write_text(
        f"name: small\ntask: {written}\nseed: 3\n"
        f"prepare: {{source: {{kind: csv, path: data.csv}}}}\ntrain: {train_section}\n"
    )
    loaded = load(folder / "spec.yaml")
    job = Job(loaded.spec, loaded.base, Store(folder / "runs"), spec_text=loaded.text)
    learn = table(task, 0) if learn is None else learn
    extent = {"minimum": -3.0, "maximum": 4.0} if classes is None else {}
    schema = Schema(
        (
            Column("key", "text", role="id"),
            Column("x", "number", nullable=True),
            Column("word", "category", nullable=True, categories=("a", "b", "c")),
            Column("importance", "number", role="weight"),
            Column("y", kind, role="target", **extent),
        ),
        classes,
    )
    features = fit_features(steps, learn, schema, None, 3)
    identity = lineage.prepare_identity(job)
    with begin(job.store, identity, spec_text=job.spec_text, threads=1) as staged:
        staged.write_json("schema.json", schema.to_dict())
        staged.write_json("features.json", features.to_dict())
        staged.write_bytes("features.onnx", features.model)
        pq.write_table(learn, staged.path("learn.parquet"))
        pq.write_table(table(task, 1, validation_rows), staged.path("validation.parquet"))
        pq.write_table(table(task, 2), staged.path("test.parquet"))
        staged.commit()
    return job


def run(job):
    return train.run(train.plan(job), Silent()).run


def read(done, name):
    return pq.read_table(done.file(name))


LIGHT = "{model: {kind: lightgbm, iterations: 60, early_stopping_rounds: 10}"


@pytest.mark.parametrize("task", sorted(TASKS))
def test_a_holdout_run_writes_one_graph_and_what_is_known_of_it(task, tmp_path):
    job = prepared(tmp_path, task, LIGHT + "}")
    done = run(job)
    assert set(done.manifest.outputs) == {
        "model.onnx", "model.json", "scores.json", "leaderboard.json", "parity.json", "predictions.parquet",
        "fitted_rows.parquet", "curve.parquet", "spec.yaml", "weights/lightgbm.txt",
    }  # fmt: skip
    scorer = Scorer(done.read_bytes("model.onnx"))
    assert scorer.inputs == {"x": "number", "word": "text"}
    assert scorer.outputs == (("prediction",) if task == "regression" else ("prediction", "probability"))
    found = scorer.run_table(table(task, 1, 200))
    written = read(done, "predictions.parquet")
    if task == "regression":
        np.testing.assert_array_equal(written["prediction"].to_numpy(), found["prediction"])
    else:
        assert written["prediction"].to_pylist() == found["prediction"].tolist()
        last = f"probability_{TASKS[task][2][-1]}"
        np.testing.assert_allclose(written[last].to_numpy(), found["probability"][:, -1], rtol=0, atol=1e-12)
    assert written["key"].to_pylist() == table(task, 1, 200)["key"].to_pylist()
    scores = done.read_json("scores.json")
    assert scores["rows"] == 200
    assert list(scores["scores"]) == sorted(scoring_names(task))
    assert scores["chosen_by"]["iterations"] == "validation"
    parity = done.read_json("parity.json")
    assert parity["largest"] <= 1e-9
    assert {size for sizes in parity["batch_sizes"].values() for size in sizes.values()} == {0.0}
    assert len(done.read_json("leaderboard.json")) == 1


def scoring_names(task):
    from modelwright.parts import catalog

    return catalog.load("tasks", task).default_metrics


def test_validation_rows_that_said_when_to_stop_count_as_fitted(tmp_path):
    done = run(prepared(tmp_path, "binary", LIGHT + "}"))
    digests = read(done, "fitted_rows.parquet")[ROW_DIGEST].to_numpy()
    learn, validation = (table("binary", seed, rows)[ROW_DIGEST].to_numpy() for seed, rows in ((0, ROWS), (1, 200)))
    np.testing.assert_array_equal(digests, np.unique(np.concatenate([learn, validation])))


def test_rows_that_decided_nothing_do_not_count_as_fitted(tmp_path):
    done = run(prepared(tmp_path, "binary", "{model: {kind: logistic}}"))
    digests = read(done, "fitted_rows.parquet")[ROW_DIGEST].to_numpy()
    np.testing.assert_array_equal(digests, np.unique(table("binary", 0)[ROW_DIGEST].to_numpy()))


@pytest.mark.parametrize("strict", ["false", "true"])
def test_folds_predict_learn_and_validation_out_of_fold(strict, tmp_path):
    job = prepared(tmp_path, "multiclass", LIGHT + f", validation: {{kind: kfold, folds: 4, strict: {strict}}}}}")
    done = run(job)
    assert read(done, "predictions.parquet").num_rows == ROWS + 200
    assert done.read_json("scores.json")["scored_on"].startswith("out of fold")
    curve = read(done, "curve.parquet")
    best = int(np.argmin(curve["validation"].to_numpy())) + 1
    assert done.read_json("model.json")["notes"]["iterations"] == best


@pytest.mark.parametrize("model", ["{kind: ridge}", "{kind: lightgbm, iterations: 60, early_stopping_rounds: 10}"])
def test_a_refit_uses_the_choices_and_more_rows(model, tmp_path):
    (tmp_path / "none").mkdir()
    (tmp_path / "more").mkdir()
    plain = run(prepared(tmp_path / "none", "regression", f"{{model: {model}}}"))
    more = run(prepared(tmp_path / "more", "regression", f"{{model: {model}, refit: learn+validation}}"))
    assert plain.read_json("scores.json")["scores"] == more.read_json("scores.json")["scores"]
    iterations = [done.read_json("model.json")["notes"].get("iterations") for done in (plain, more)]
    assert iterations[0] == iterations[1]
    assert plain.read_bytes("model.onnx") != more.read_bytes("model.onnx")
    assert len(read(more, "fitted_rows.parquet")) == ROWS + 200


def test_twice_gives_the_same_bytes_and_then_it_is_cached(tmp_path):
    runs = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        job = prepared(tmp_path / name, "binary", LIGHT + "}")
        runs.append(run(job))
        assert train.plan(job).cached.label == runs[-1].label
    assert {name: output.sha256 for name, output in runs[0].manifest.outputs.items()} == {
        name: output.sha256 for name, output in runs[1].manifest.outputs.items()
    }


def test_another_model_is_another_run(tmp_path):
    job = prepared(tmp_path, "regression", "{model: {kind: ridge}}")
    run(job)
    (tmp_path / "spec.yaml").write_text(
        (tmp_path / "spec.yaml").read_text().replace("ridge", "random_forest, trees: 5")
    )
    other = replace(job, spec=load(tmp_path / "spec.yaml").spec)
    assert train.plan(other).cached is None
    assert run(other).version == 2


def test_no_validation_rows_is_an_error_that_says_what_to_do(tmp_path):
    job = prepared(tmp_path, "regression", "{model: {kind: ridge}}", validation_rows=0)
    with pytest.raises(DataError, match="no validation rows"):
        run(job)
    assert job.store.versions("small", "train") == []


def test_folds_do_without_validation_rows(tmp_path):
    job = prepared(tmp_path, "regression", "{model: {kind: ridge}, validation: {kind: kfold}}", validation_rows=0)
    assert read(run(job), "predictions.parquet").num_rows == ROWS


def test_a_constant_target_is_an_error(tmp_path):
    learn = table("regression", 0)
    constant = learn.set_column(learn.schema.get_field_index("y"), "y", pa.array(np.ones(ROWS)))
    job = prepared(tmp_path, "regression", "{model: {kind: ridge}}", learn=constant)
    with pytest.raises(DataError, match="always 1"):
        run(job)


def test_without_a_prepare_run_it_says_what_to_run(tmp_path):
    job = prepared(tmp_path, "regression", "{model: {kind: ridge}}")
    with pytest.raises(ArtifactError, match="no prepare run"):
        train.plan(replace(job, store=Store(tmp_path / "elsewhere")))


def test_planning_loads_no_heavy_library():
    heavy = "{'numpy', 'onnx', 'onnxruntime', 'sklearn', 'lightgbm', 'pandas', 'pyarrow', 'duckdb'}"
    code = f"import sys, modelwright.stages.train; print(sorted({heavy} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_scores_are_those_of_the_written_predictions(tmp_path):
    done = run(prepared(tmp_path, "regression", "{model: {kind: ridge}}"))
    written = read(done, "predictions.parquet")
    weights = table("regression", 1, 200)["importance"].to_numpy()
    error = np.average((written["truth"].to_numpy() - written["prediction"].to_numpy()) ** 2, weights=weights)
    assert done.read_json("scores.json")["scores"]["rmse"] == pytest.approx(np.sqrt(error))
    assert scoring.deciding_metric(load(tmp_path / "spec.yaml").spec.task).kind == "rmse"
