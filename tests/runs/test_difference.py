"""Two runs side by side."""

import json

import pytest

from modelwright.core.errors import SpecError
from modelwright.runs.difference import difference, figures, flat, main_score

LEFT = "task: {metric: mae}\ntrain:\n  model: {kind: ridge, alpha: 1.0}\n"
RIGHT = "task: {metric: mae}\ntrain:\n  model: {kind: lightgbm}\n  refit: none\n"


def scores(**values: float) -> dict[str, bytes]:
    entries = {name: {"value": value, "low": value - 1, "high": value + 1} for name, value in values.items()}
    return {"metrics.json": json.dumps({"metric": next(iter(values)), "metrics": entries}).encode()}


def test_spec_inputs_figures_and_files_are_compared(make_run) -> None:
    first, second = make_run("prepare"), make_run("prepare", files={"learn.parquet": b"more"})
    left = make_run("train", made_from=first, spec=LEFT, files=scores(rmse=5.0, mae=3.0))
    right = make_run("train", made_from=second, spec=RIGHT, files=scores(rmse=4.0))
    found = difference(left, right)
    assert found.spec == {
        "train.model.kind": ("ridge", "lightgbm"),
        "train.model.alpha": (1.0, None),
        "train.refit": (None, "none"),
    }
    (was, is_now) = found.inputs["prepare"]
    assert was.startswith("prepare/v0001 (") and is_now.startswith("prepare/v0002 (")
    assert found.figures["rmse.value"] == (5.0, 4.0) and found.figures["mae.value"] == (3.0, None)
    assert found.outputs == ("metrics.json",) and found.made_by == {}


def test_equal_runs_differ_in_nothing_but_show_their_figures(make_run) -> None:
    left, right = (make_run("train", files=scores(rmse=5.0)) for _ in range(2))
    found = difference(left, right)
    assert (found.spec, found.inputs, found.made_by, found.outputs) == ({}, {}, {}, ())
    assert found.figures["rmse.value"] == (5.0, 5.0)


def test_runs_of_different_stages_are_not_compared(make_run) -> None:
    with pytest.raises(SpecError, match="different stages"):
        difference(make_run("prepare"), make_run("train"))


def test_the_main_score_is_the_deciding_metric(make_run) -> None:
    plain = json.dumps({"metric": "auc", "scores": {"accuracy": 0.5, "auc": 0.9}}).encode()
    assert main_score(make_run("evaluate", files=scores(rmse=5.0, mae=3.0))) == ("rmse", 5.0)
    assert main_score(make_run("train", files={"scores.json": plain})) == ("auc", 0.9)
    assert main_score(make_run("prepare")) is None


def test_a_damaged_run_has_no_score_in_a_list(make_run) -> None:
    run = make_run("train", files=scores(rmse=5.0))
    (run.path / "metrics.json").write_bytes(b"{}")
    assert main_score(run) is None


def test_figures_are_numbers_only(make_run) -> None:
    content = {"metric": "rmse", "rows": 10, "scores": {"rmse": 1.5, "best": True, "name": "x", "folds": [1, 2.5]}}
    run = make_run("train", files={"scores.json": json.dumps(content).encode()})
    assert figures(run) == {"rmse": 1.5, "folds.0": 1.0, "folds.1": 2.5}


def test_dotted_keys() -> None:
    assert flat({"a": {"b": 1, "c": []}, "d": [{"e": 2}], "f": {}}) == {"a.b": 1, "a.c": [], "d.0.e": 2, "f": {}}
