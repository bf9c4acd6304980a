"""What prepare tells a person, in the run, in the report and before anything is read."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from modelwright.chains.run import run_stage
from modelwright.core.errors import DataError, SpecError
from modelwright.core.progress import Silent
from modelwright.runs.store import Run, Store
from modelwright.spec.load import load
from modelwright.stages.job import Job

SPEC = """\
name: told
task: {kind: regression, target: y}
prepare:
  source: {kind: csv, path: data.csv}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    with (tmp_path / "data.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["tells", "noise", "y"])
        for _ in range(300):
            tells = random.normal()
            writer.writerow([f"{tells:.4f}", f"{random.normal():.4f}", f"{3 * tells + random.normal():.4f}"])
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path / "spec.yaml"


def prepare(spec: Path, *overrides: str) -> Run:
    loaded = load(spec, overrides)
    return run_stage("prepare", Job(loaded.spec, loaded.base, Store(spec.parent / "runs")), Silent()).run


def test_what_a_selection_dropped_is_in_the_run_and_in_the_report(spec: Path):
    run = prepare(spec, "prepare.features=[{kind: mutual_information, top: 1}]")
    (selection,) = run.read_json("features.json")["selections"]
    assert selection["step"] == "mutual_information" and selection["kept"] == ["tells"]
    assert list(selection["dropped"]) == ["noise"] and selection["dropped"]["noise"] < 0.1
    assert "mutual_information kept 1 of 2 columns; dropped, with their scores: noise" in run.read_bytes(
        "report.html"
    ).decode().replace("&#39;", "'")


def test_a_step_that_takes_most_rows_is_asked_about(spec: Path):
    warnings = prepare(spec, "prepare.clean=[{kind: drop_rows, where: tells < 1}]").read_json("rows.json")["warnings"]
    assert any(warning.startswith("drop_rows removed 2") and "is that meant?" in warning for warning in warnings)
    kept = prepare(spec, "prepare.clean=[{kind: drop_rows, where: tells > 2}]").read_json("rows.json")["warnings"]
    assert not any("is that meant?" in warning for warning in kept)


def test_a_feature_is_not_named_like_the_target(spec: Path):
    with pytest.raises(SpecError, match='"y" is the target column; a feature needs another name'):
        prepare(spec, "prepare.features=[{kind: expression, name: y, value: tells * 2}]")


def test_a_list_of_no_columns_is_a_mistake(spec: Path):
    with pytest.raises(SpecError, match="at least 1 item"):
        load(spec, ("prepare.features=[{kind: standardize, columns: []}]",))


def test_a_target_with_decimal_commas_is_told_so(spec: Path):
    data = spec.parent / "data.csv"
    header, *rows = data.read_text().splitlines()
    data.write_text("\n".join([header.replace(",", ";"), *(row.replace(",", ";").replace(".", ",") for row in rows)]))
    with pytest.raises(DataError) as caught:
        prepare(spec, "prepare.source.delimiter=;")
    assert 'decimal: ","' in caught.value.problems[0].hint


def test_check_says_that_a_contract_is_not_pinned_yet(spec: Path):
    spec.write_text(SPEC + "  contract: {file: told.contract.json}\n")
    command = [sys.executable, "-m", "modelwright", "check", str(spec)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert "there is no told.contract.json yet" in said and "--pin" in said
