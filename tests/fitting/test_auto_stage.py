"""`kind: auto` through the train stage: what the run holds, and that it comes out the same."""

from __future__ import annotations

import numpy as np
import pytest

from modelwright.graph.running import Scorer
from stages.test_train import prepared, read, run, table

AUTO = "{kind: auto, budget_s: 3600, max_models: 3}"
FOLDED = f"{{model: {AUTO}, validation: {{kind: kfold, folds: 3}}, refit: learn+validation}}"


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_run_holds_one_graph_and_what_became_of_each_model(task, tmp_path):
    done = run(prepared(tmp_path, task, FOLDED))
    board, model, scores = (done.read_json(f"{name}.json") for name in ("leaderboard", "model", "scores"))
    assert {entry["name"] for entry in board} >= {"lightgbm", "prior", "piecewise_linear", "extra_trees"}
    assert next(entry for entry in board if entry["name"] == "extra_trees")["not_ranked_because"] == "max_models is 3"
    assert model["asked_for"] == "auto" and model["search"] | {"chosen": ""} == {
        "ended": "all models were tried", "folds": 3, "models": 3, "chosen": "",
    }  # fmt: skip
    assert scores["chosen_by"]["candidate"] == scores["scored_on"] == "out of fold, learn and validation"
    chosen = next(entry for entry in board if entry["rank"] == 1)
    assert chosen["name"] in (model["kind"], "ensemble", "lightgbm", "piecewise_linear")
    assert chosen["score"]["value"] == pytest.approx(scores["scores"][scores["metric"]])
    assert done.read_json("parity.json")["largest"] <= 1e-9
    found = Scorer(done.read_bytes("model.onnx")).run_table(table(task, 2))
    assert all(not np.isnan(values).any() for values in found.values() if values.dtype == np.float64)
    assert read(done, "predictions.parquet").num_rows == scores["rows"]


def test_twice_gives_the_same_bytes(tmp_path):
    runs = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        runs.append(run(prepared(tmp_path / name, "multiclass", FOLDED)))
    first, second = ({name: one.sha256 for name, one in done.manifest.outputs.items()} for done in runs)
    assert first == second
