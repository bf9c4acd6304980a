"""The stage commands on a small data set: what goes to stdout, what is cached, what the exit code says."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from modelwright.cli import app


@dataclass(frozen=True)
class Said:
    returncode: int
    stdout: str
    stderr: str


SPEC = """\
name: rides
task: {kind: regression, target: duration_min}
seed: 3
prepare:
  source: {kind: csv, path: rides.csv}
  columns: {ride_id: {role: id}}
  clean:
    - {kind: drop_rows, where: "duration_min > 1000"}
  split: {kind: random, validation: 0.2, test: 0.2}
  features:
    - {kind: one_hot, columns: [weather]}
train: {model: {kind: ridge}}
evaluate:
  metrics: [rmse]
  resamples: 100
  gates: [{kind: threshold, metric: rmse, max: 5}]
"""


def rows(count: int, *, labelled: bool) -> str:
    draw = random.Random(1)
    lines = ["ride_id,weather,distance_km" + ",duration_min" * labelled]
    for number in range(count):
        weather, km = draw.choice(["dry", "rain"]), draw.uniform(1, 20)
        minutes = f",{3 * km + 4 * (weather == 'rain') + draw.gauss(0, 1):.3f}" if labelled else ""
        lines.append(f"r{number:04d},{weather},{km:.3f}{minutes}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A folder in which `run` has been run once."""
    folder, before = tmp_path_factory.mktemp("project"), Path.cwd()
    (folder / "rides.csv").write_text(rows(400, labelled=True))
    (folder / "new.csv").write_text(rows(7, labelled=False))
    (folder / "rides.yaml").write_text(SPEC)
    os.chdir(folder)
    command = [sys.executable, "-m", "modelwright", "run", "rides.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "runs/rides/export/v0001\n"), done.stderr
    yield folder
    os.chdir(before)


@pytest.fixture
def modelwright(project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command line there, in this process, which has loaded the libraries already."""

    def run(*arguments: str, stdin: str = "") -> Said:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capfd.readouterr()
        code = app.run(arguments)
        said = capfd.readouterr()
        return Said(code, said.out, said.err)

    return run


@pytest.mark.parametrize("stage", ["prepare", "train", "evaluate", "export"])
def test_a_stage_that_was_done_is_not_done_again_and_says_so(modelwright: Any, stage: str) -> None:
    done = modelwright(stage, "rides.yaml")
    assert (done.returncode, done.stdout) == (0, f"runs/rides/{stage}/v0001\n")
    assert f"nothing has changed since {stage}/v0001" in done.stderr
    quiet = modelwright(stage, "rides.yaml", "--quiet")
    assert (quiet.stdout, quiet.stderr) == (done.stdout, "")
    found = json.loads(modelwright(stage, "rides.yaml", "--json").stdout)
    assert (found["run"], found["cached"], found["exit_code"]) == (f"{stage}/v0001", True, 0)


def test_plan_says_what_is_cached_and_what_would_run(modelwright: Any) -> None:
    def status(*overrides: str) -> dict[str, str]:
        done = modelwright("plan", "rides.yaml", "--json", *(part for each in overrides for part in ("--set", each)))
        return {stage: each["status"] for stage, each in json.loads(done.stdout)["stages"].items()}

    done = {stage: f"cached {stage}/v0001" for stage in ("prepare", "train", "evaluate", "export")}
    assert status() == {**done, "tune": "to run"}
    changed = status("train.model.alpha=9")
    assert changed == {**dict.fromkeys(changed, "to run"), "prepare": "cached prepare/v0001"}
    assert set(status("seed=4").values()) == {"to run"}


def test_a_dry_run_shows_the_plan_and_writes_nothing(modelwright: Any, project: Path) -> None:
    before = sorted(map(str, project.rglob("*")))
    done = modelwright("train", "rides.yaml", "--set", "train.model.alpha=5", "--dry-run")
    assert (done.returncode, done.stdout) == (0, "")
    assert "to run" in done.stderr
    assert (
        json.loads(modelwright("train", "rides.yaml", "--dry-run", "--json").stdout)["status"] == "cached train/v0001"
    )
    assert sorted(map(str, project.rglob("*"))) == before


def test_a_gate_that_fails_is_exit_code_10(modelwright: Any) -> None:
    done = modelwright("evaluate", "rides.yaml", "--set", "evaluate.gates.0.max=0.01", "--json")
    assert done.returncode == 10
    assert json.loads(done.stdout)["exit_code"] == 10
    again = modelwright("evaluate", "rides.yaml", "--set", "evaluate.gates.0.max=0.01")
    assert again.returncode == 10, "also when cached"


def test_without_its_input_a_stage_says_what_to_run(modelwright: Any) -> None:
    done = modelwright("train", "rides.yaml", "--set", "seed=99")
    assert (done.returncode, done.stdout) == (4, "")
    assert "modelwright prepare rides.yaml" in done.stderr


def test_the_resolved_spec_of_a_run_is_a_spec(modelwright: Any, project: Path) -> None:
    text = (project / "runs/rides/train/v0001/spec.yaml").read_text()
    (project / "again.yaml").write_text(text)
    assert modelwright("train", "again.yaml").stdout == "runs/rides/train/v0001\n"


def test_run_ends_with_the_score_on_test_rows_the_reports_and_what_to_do_next(modelwright: Any) -> None:
    told = modelwright("run", "rides.yaml").stderr
    assert "ridge, train/v0001" in told
    assert "rmse" in told and "threshold rmse" in told
    assert "evaluate/v0001/report.html" in told
    assert told.splitlines()[-1] == "next: modelwright serve rides.yaml"
    assert "next:" not in modelwright("run", "rides.yaml", "--to", "train").stderr
    assert modelwright("run", "rides.yaml", "--quiet").stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("prepare", "rides.yaml", "--from", "train/v0001"), 2, "starts from the data"),
        (("train", "rides.yaml", "--from", "train/v0001"), 2, "a run of prepare is needed"),
        (("train", "rides.yaml", "--from", "nonsense"), 4, "no alias or version"),
        (("predict", "runs/rides/export/v0001", "new.csv", "-o", "no/such/out.csv"), 2, "mkdir -p no/such"),
    ],
)
def test_what_cannot_be_is_told_and_not_passed_over(
    modelwright: Any, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = modelwright(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr


def test_predict_keeps_ids_and_adds_predictions(modelwright: Any, project: Path) -> None:
    done = modelwright("predict", "runs/rides/export/v0001", "new.csv")
    assert done.returncode == 0, done.stderr
    found = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["ride_id"] for row in found] == [f"r{number:04d}" for number in range(7)]
    assert found[0].keys() == {"ride_id", "prediction"}
    assert all(0 < float(row["prediction"]) < 80 for row in found)


def test_predict_from_a_pipe_to_a_file_or_as_json_is_the_same(modelwright: Any, project: Path) -> None:
    bundle = "runs/rides/export/v0001"
    expected = modelwright("predict", bundle, "new.csv").stdout
    assert modelwright("predict", bundle, "-", stdin=(project / "new.csv").read_text()).stdout == expected
    assert modelwright("predict", bundle, "new.csv", "-o", "out.csv").stdout == "out.csv\n"
    assert (project / "out.csv").read_text() == expected
    import pyarrow.parquet as pq

    assert modelwright("predict", bundle, "new.csv", "-o", "out.parquet").returncode == 0
    table = pq.read_table(project / "out.parquet").to_pylist()
    assert json.loads(modelwright("predict", bundle, "new.csv", "--json").stdout)["predictions"] == table
    assert [f"{row['prediction']}" for row in table] == [
        row["prediction"] for row in csv.DictReader(io.StringIO(expected))
    ]


@pytest.mark.parametrize(
    ("bundle", "data", "code"),
    [
        ("nowhere", "new.csv", 4),
        ("runs/rides/train/v0001", "new.csv", 4),
        ("runs/rides/export/v0001", "nothere.csv", 3),
    ],
)
def test_predict_without_bundle_or_data(modelwright: Any, bundle: str, data: str, code: int) -> None:
    done = modelwright("predict", bundle, data)
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr
    assert "relative to the spec" not in done.stderr


def test_show_has_one_line_for_each_metric(modelwright: Any) -> None:
    told = modelwright("runs", "show", "evaluate/v0001").stdout
    assert len([line for line in told.splitlines() if line.startswith("rmse")]) == 1
    assert " rows)" in told and "rmse.low" not in told


def test_predict_refuses_rows_without_a_column_of_the_model(modelwright: Any, project: Path) -> None:
    (project / "short.csv").write_text("ride_id,distance_km\nr1,2\n")
    done = modelwright("predict", "runs/rides/export/v0001", "short.csv")
    assert (done.returncode, done.stdout) == (3, "")
    assert 'no column "weather"' in done.stderr


def test_evaluate_with_a_bundle_needs_no_spec(modelwright: Any, project: Path) -> None:
    done = modelwright("evaluate", "--bundle", "runs/rides/export/v0001", "--data", "rides.csv", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["summary"]["metrics"]["rmse"]["value"] < 5


def test_prepare_checks_the_header_before_it_loads_anything(modelwright: Any) -> None:
    done = modelwright("prepare", "rides.yaml", "--set", "evaluate.slices=[wether]")
    assert done.returncode == 3
    assert 'did you mean "weather"' in done.stderr
