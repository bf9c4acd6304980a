"""What train refuses, and what it lives with: rows, targets, weights, budgets, sizes, extras and interrupts."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
import time

import pytest

from modelwright.parts.models import auto
from stories.terminal import HEADER, Terminal, rows, spec, text, with_targets

ROWS = rows()


def prepared(terminal: Terminal, data: str, written: str, *settings: str) -> None:
    terminal.write("data.csv", data)
    terminal.write("small.yaml", written)
    terminal.done("prepare", "small.yaml", *settings)


def setting(value: str) -> tuple[str, str]:
    return ("--set", value)


def test_one_class_is_refused(terminal: Terminal) -> None:
    terminal.write("data.csv", with_targets(["yes"] * 120))
    terminal.write("small.yaml", spec())
    complaint = terminal.refused(3, "run", "small.yaml")
    assert "one class only: 'yes'" in complaint and "at least two classes" in complaint


@pytest.mark.parametrize("model", ["lightgbm", "logistic", "random_forest", "svm", "gaussian_naive_bayes", "sgd"])
@pytest.mark.parametrize("validation", ["holdout", "kfold"])
def test_a_class_of_one_row_is_no_obstacle(terminal: Terminal, model: str, validation: str) -> None:
    split = "  split: {kind: stratified, validation: 0.2, test: 0.2}\n"
    written = spec(kind="multiclass", prepare=split)
    prepared(terminal, with_targets(["rare" if n == 60 else "ab"[n % 2] for n in range(120)]), written)
    settings = (*setting(f"train.model={model}"), *setting(f"train.validation={validation}"))
    terminal.done("train", "small.yaml", *settings)
    assert terminal.json("runs/small/prepare/v0001/schema.json")["classes"] == ["a", "b", "rare"]


def test_a_constant_target_is_refused(terminal: Terminal) -> None:
    terminal.write("data.csv", with_targets(["7.5"] * 120))
    terminal.write("small.yaml", spec(kind="regression", model="ridge"))
    complaint = terminal.refused(3, "run", "small.yaml")
    assert "the target is the same on every row of learn (7.5)" in complaint and "hint: " in complaint


def test_a_target_that_is_constant_where_a_fold_learns_is_refused(terminal: Terminal) -> None:
    """One class in the first half, two in the second: the first fold in time learns one only."""
    lines = [[f"2026-01-{1 + n // 5:02d}", n, "b" if n > 50 and n % 2 else "a"] for n in range(120)]
    time_split = "  columns: {at: {type: timestamp, role: time, timezone: UTC}}\n  split: {kind: time, column: at}\n"
    prepared(terminal, text(("at", "x", "y"), lines), spec(prepare=time_split))
    folds = "train.validation={kind: time_series, folds: 4}"
    complaint = terminal.refused(3, "train", "small.yaml", *setting(folds), *setting("train.model=logistic"))
    assert "one class only" in complaint


def test_a_feature_without_values_is_told_and_left_out(terminal: Terminal) -> None:
    prepared(terminal, text((*HEADER, "empty"), [[*row, ""] for row in ROWS]), spec())
    terminal.done("train", "small.yaml")
    assert "empty" not in terminal.json("runs/small/train/v0001/model.json")["features"]


def test_a_feature_that_is_empty_in_learn_only_does_no_harm(terminal: Terminal) -> None:
    lines = [[*row, "" if n < 100 else n] for n, row in enumerate(ROWS)]
    files = "  split: {kind: column, column: part}\n"
    whole = [[*row, "learn" if n < 100 else "validation" if n < 110 else "test"] for n, row in enumerate(lines)]
    prepared(terminal, text((*HEADER, "late", "part"), whole), spec(prepare=files))
    for model in ("lightgbm", "logistic", "extra_trees"):
        terminal.done("train", "small.yaml", *setting(f"train.model={model}"))


@pytest.mark.parametrize("weight", ["-1", "-0.001", ""])
def test_weights_below_nothing_or_missing_are_refused(terminal: Terminal, weight: str) -> None:
    weights = [weight if n == 40 else 1 + n % 3 for n in range(120)]
    terminal.write("data.csv", text((*HEADER, "w"), [[*row, one] for row, one in zip(ROWS, weights, strict=True)]))
    terminal.write("small.yaml", spec(prepare="  columns: {w: {role: weight}}\n"))
    complaint = terminal.refused(3, "run", "small.yaml")
    assert 'the weight "w" is missing or negative in 1 rows' in complaint and "drop_rows" in complaint


def test_a_budget_that_is_too_small_still_gives_the_first_model_and_says_so(terminal: Terminal) -> None:
    prepared(terminal, text(HEADER, ROWS), spec())
    terminal.done("train", "small.yaml", *setting("train.model={kind: auto, budget_s: 0.001}"))
    told = terminal.json("runs/small/train/v0001/model.json")
    assert told["kind"] == "lightgbm" and told["search"]["ended"] == "the budget was spent"
    board = terminal.json("runs/small/train/v0001/leaderboard.json")
    reasons = {row["not_ranked_because"] for row in board[1:]}
    assert reasons == {"the budget of 0.001 s would not suffice"}, "said of each model that had no turn"


def test_a_missing_extra_names_the_command_that_installs_it(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(terminal, text(HEADER, ROWS), spec())
    for kind in ("xgboost", "catboost"):
        monkeypatch.setitem(sys.modules, kind, None)
        complaint = terminal.refused(5, "train", "small.yaml", *setting(f"train.model={kind}"))
        assert f"{kind} is not installed" in complaint and f"pip install 'modelwright[{kind}]'" in complaint


def test_a_graph_over_the_limit_is_left_out_or_refused(terminal: Terminal) -> None:
    prepared(terminal, text(HEADER, ROWS), spec())
    kinds = [kind for kind, _ in (*auto.FIRST, *auto.THEN)]
    terminal.done("train", "small.yaml", *setting("train.model={kind: auto, max_models: 3, max_mb: 0.004}"))
    told = terminal.json("runs/small/train/v0001/model.json")
    size = (terminal.folder / "runs/small/train/v0001/model.onnx").stat().st_size
    assert told["kind"] in kinds and size < 20_000
    terminal.done("train", "small.yaml", *setting("train.model=lightgbm"))
    limit = setting("export.max_mb=0.01")
    complaint = terminal.refused(4, "export", "small.yaml", "--ungated", *setting("train.model=lightgbm"), *limit)
    assert "export.max_mb allows 0.01 MB" in complaint and "hint: " in complaint


def test_a_model_that_can_not_do_the_task_says_which_can(terminal: Terminal) -> None:
    terminal.write("data.csv", text(HEADER, ROWS))
    terminal.write("small.yaml", spec())
    complaint = terminal.refused(2, "train", "small.yaml", *setting("train.model=ridge"))
    assert "ridge is for regression, not for binary" in complaint
    for able in ("lightgbm", "logistic", "random_forest"):
        assert able in complaint


def test_ctrl_c_keeps_the_best_so_far_and_marks_it_partial(terminal: Terminal) -> None:
    prepared(terminal, many_rows(), spec())
    long = setting("train.model={kind: auto, budget_s: 600}")
    command, pipe = [sys.executable, "-m", "modelwright", "train", "small.yaml", *long], subprocess.PIPE
    with subprocess.Popen(command, cwd=terminal.folder, stderr=pipe, stdout=pipe, text=True) as running:
        assert running.stderr is not None
        for line in running.stderr:  # ends when the process does
            if line.startswith("lightgbm:"):
                break
        time.sleep(0.2)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    told = json.loads((terminal.folder / out.strip() / "model.json").read_bytes())
    assert told["search"]["ended"] == "interrupted: partial"
    assert (terminal.folder / out.strip() / "model.onnx").exists()


def many_rows() -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([HEADER, *(ROWS * 10)])
    return written.getvalue()
