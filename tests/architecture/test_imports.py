"""What a cheap command must not load, proved over `sys.modules` of a fresh process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = frozenset(
    {
        *("altair", "duckdb", "lightgbm", "numpy", "onnx", "onnxruntime", "optuna", "pandas", "pyarrow", "scipy"),
        *("catboost", "skl2onnx", "sklearn", "torch", "safetensors", "uvicorn", "xgboost"),
    }
)
SCHEMA_LIBRARIES = frozenset({"pydantic", "yaml", "rich"})
ROWS = "ride_id,weather,distance_km,duration_min\n1,rain,2.0,11\n2,dry,3.0,12\n"
SPEC = """\
name: rides
task: {kind: regression, target: duration_min}
prepare:
  source: {kind: csv, path: rides.csv}
  columns: {ride_id: {role: id}}
  clean:
    - {kind: drop_duplicates, keys: [ride_id]}
    - {kind: drop_rows, where: "distance_km <= 0"}
  checks:
    - {kind: not_null, columns: [duration_min]}
  split: {kind: random, validation: 0.2, test: 0.2}
  features:
    - {kind: impute, columns: numeric, strategy: median}
    - {kind: one_hot, columns: [weather]}
train: {model: {kind: lightgbm}}
tune: {sampler: {kind: tpe}}
evaluate: {metrics: [rmse], slices: [weather], gates: [{kind: threshold, metric: rmse, max: 6}]}
monitor: {tests: auto}
"""


def loaded_by(*arguments: str, folder: Path) -> set[str]:
    """Top-level modules that one command line loads."""
    code = (
        "import sys\n"
        "from modelwright.cli.app import run\n"
        f"code = run({list(arguments)!r})\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "arguments", [["--help"], ["train", "--help"], ["serve", "--help"], ["runs", "--help"], ["--version"]]
)
def test_help_loads_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    assert loaded_by(*arguments, folder=tmp_path) & (HEAVY | SCHEMA_LIBRARIES) == set()


def test_check_of_a_csv_loads_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "rides.csv").write_text(ROWS)
    (tmp_path / "rides.yaml").write_text(SPEC)
    assert loaded_by("check", "rides.yaml", folder=tmp_path) & HEAVY == set()


def test_init_from_a_csv_loads_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "rides.csv").write_text(ROWS)
    assert loaded_by("init", "rides.csv", "--target", "weather", folder=tmp_path) & HEAVY == set()


def test_the_schema_of_all_parts_loads_nothing_heavy(tmp_path: Path) -> None:
    assert loaded_by("schema", folder=tmp_path) & HEAVY == set()
