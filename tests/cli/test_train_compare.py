"""`train --compare`: one JSON object or a table, on any width, with the exit codes of every command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelwright.cli import comparison

SPEC = """\
name: rides
task: {kind: regression, target: minutes}
prepare:
  source: {kind: csv, path: rides.csv}
train: {model: {kind: ridge}}
"""
PRIOR = ("--set", "train.model={kind: prior}")
FOLDS = ("--set", "train.validation={kind: kfold, folds: 3}")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs: two that are comparable, and one of folds."""
    from modelwright.cli import app

    folder = tmp_path_factory.mktemp("rides")
    random = np.random.default_rng(0)
    lines = [f"{km:.3f},{km * 2 + random.normal():.3f}" for km in random.uniform(1, 40, 300)]
    (folder / "rides.csv").write_text("\n".join(["km,minutes", *lines]) + "\n")
    (folder / "rides.yaml").write_text(SPEC)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert app.run(["prepare", "rides.yaml", "--quiet"]) == 0
        for changes in (PRIOR, (), FOLDS):
            assert app.run(["train", "rides.yaml", "--quiet", "--from", "prepare/v0001", *changes]) == 0
    return folder


@pytest.fixture
def rides(made: Path, folder: Path) -> Path:
    shutil.copytree(made, folder, dirs_exist_ok=True)
    return folder


@pytest.mark.usefixtures("rides")
def test_json_is_one_object_with_all_that_the_table_shows(command: Any) -> None:
    said = command("train", "rides.yaml", "--compare", "--measure", "--json")
    assert (said.code, said.err) == (0, "")
    found = json.loads(said.out)
    assert (found["metric"], found["direction"], found["reference"]) == ("rmse", "lower", "train/v0002")
    assert [(one["model"], one["rank"]) for one in found["runs"]] == [("ridge", 1), ("prior", 2), ("ridge", None)]
    best, other, folds = found["runs"]
    assert best["score"]["low"] < best["score"]["value"] < best["score"]["high"] < other["score"]["low"]
    assert other["behind"]["low"] > 0
    assert folds["not_ranked_because"] == "validation kfold, not holdout"
    assert all(one["predict_row_s"] > 0 and one["fit_s"] > 0 and one["bytes"] > 0 for one in found["runs"])


@pytest.mark.usefixtures("rides")
def test_in_a_pipe_a_run_is_a_line_however_narrow(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    said = command("train", "rides.yaml", "--compare")
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[:4] == [
        "metric     rmse, lower is better",
        "scored_on  validation",
        "data       prepare/v0001",
        "ranked",
    ]
    assert lines[4].split() == ["model", "rmse", "behind", "fit", "size"]
    assert [line.split()[:2] for line in lines if line.strip().startswith("v0")] == [
        ["v0002", "ridge"], ["v0001", "prior"], ["v0003", "ridge"],
    ]  # fmt: skip
    assert lines[7] == "not comparable"
    assert lines[-1].endswith("validation kfold, not holdout")
    assert "\x1b" not in said.out


@pytest.mark.usefixtures("rides")
@pytest.mark.parametrize("columns", [32, 40, 80, 200])
def test_on_a_terminal_no_line_is_wider_than_it(command: Any, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(comparison, "on_terminal", lambda: True)
    said = command("train", "rides.yaml", "--compare")
    assert said.code == 0
    assert all(len(line) <= columns for line in said.out.splitlines())
    assert said.out.count("ridge") == 2
    assert "validation kfold, not holdout" in " ".join(said.out.split())


@pytest.mark.usefixtures("rides")
def test_the_rest_is_counted_and_quiet_is_quiet(command: Any) -> None:
    said = command("train", "rides.yaml", "--compare", "--limit", "2")
    assert said.err == "1 more left out; --limit 3 shows all\n"
    assert command("train", "rides.yaml", "--compare", "--limit", "2", "--quiet").err == ""
    assert command("train", "rides.yaml", "--compare", "--limit", "0").code == 2


def test_mistakes_have_the_exit_codes_of_every_command(command: Any, rides: Path) -> None:
    said = command("train", "rides.yaml", "--compare", "--runs", "elsewhere")
    assert (said.code, said.out) == (4, "")
    assert said.err == (
        "error: rides has no train run yet, so there is nothing to compare\n  hint: run: modelwright train rides.yaml\n"
    )
    assert not (rides / "elsewhere").exists()
    assert command("train", "rides.yaml", "--compare", "--from", "train/v0009").code == 4
    assert command("train", "rides.yaml", "--compare", "--from", "evaluate/v0001").code == 2
    assert command("train", "rides.yaml", "--compare", "--force").code == 2
    assert command("train", "rides.yaml", "--measure").code == 2
    (rides / "runs/rides/train/v0002/scores.json").write_text("{}")
    said = command("train", "rides.yaml", "--compare")
    assert said.code == 0
    assert "warning: train/v0002 was passed over" in said.err
