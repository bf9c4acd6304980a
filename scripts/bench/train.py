"""What `modelwright train` costs beside calling LightGBM directly: a million rows of 30 columns, the same settings.

    python scripts/bench/train.py [ROWS]

Both sides run in a process of their own, with the same rows (a table of prepare's), settings, threads and number of
trees. Directly: read the matrix, fit, save the model. Ours: the whole command, which also scores validation, compiles
the graph and holds it against the model. Exit code 1 when a limit is exceeded: 1.25 times the CPU,
and 2 times the matrix in memory beyond what the process takes anyway (a process that only imports what it needs).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from _process import Cost, cost_of, cost_of_script

COLUMNS = 30
ITERATIONS, LEAVES = 100, 31
MOST_CPU, MOST_MEMORY = 1.25, 2.0
SPEC = """
name: million
task: {kind: binary, target: y}
prepare:
  source: {kind: parquet, path: million.parquet}
  split: {kind: random, validation: 0.1, test: 0.1}
train:
  model: {kind: lightgbm, iterations: %d, leaves: %d, early_stopping_rounds: null}
"""


def main() -> int:
    if len(sys.argv) > 2:
        _make(Path(sys.argv[2]), int(sys.argv[1]))
        return 0
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepared = _prepared(folder, rows)
        direct = Path(__file__).with_name("_train_directly.py")
        given = [str(prepared), str(ITERATIONS), str(LEAVES)]
        idle = cost_of_script(direct.with_name("_train_imports.py"), [], folder)
        directly = cost_of_script(direct, given, folder)
        ours = cost_of(["train", "million.yaml", "--json"], folder)
        matrix_mb = pq.read_metadata(prepared / "learn.parquet").num_rows * COLUMNS * 8 / 2**20
    print(
        f"{rows:,} rows, {COLUMNS} columns, {ITERATIONS} trees of {LEAVES} leaves; learn's matrix is {matrix_mb:.0f} MB"
    )
    print(f"\n{'':<22}{'wall s':>8}{'CPU s':>8}{'peak MB':>9}")
    costs = {"the imports of train": idle, "LightGBM directly": directly, "modelwright train": ours}
    for name, cost in costs.items():
        print(f"{name:<22}{cost.wall_s:>8.1f}{cost.cpu_s:>8.1f}{cost.peak_mb:>9.0f}")
    return _kept(idle, directly, ours, matrix_mb)


def _kept(idle: Cost, direct: Cost, ours: Cost, matrix_mb: float) -> int:
    cpu, memory = ours.cpu_s / direct.cpu_s, (ours.peak_mb - idle.peak_mb) / matrix_mb
    print(
        f"\n{cpu:.2f} times the CPU (limit {MOST_CPU}), {memory:.2f} times the matrix in memory (limit {MOST_MEMORY})"
    )
    return int(cpu > MOST_CPU or memory > MOST_MEMORY)


def _prepared(folder: Path, rows: int) -> Path:
    """Made by a process of its own: what this one once held would count as its children's."""
    cost_of_script(Path(__file__), [str(rows), str(folder)], folder)
    (folder / "million.yaml").write_text(SPEC % (ITERATIONS, LEAVES), encoding="utf-8")
    answer = json.loads(cost_of(["prepare", "million.yaml", "--json"], folder).output)
    return Path(folder, answer["path"])


def _make(folder: Path, rows: int) -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(COLUMNS, rows))
    score = values[0] * values[1] + np.sin(2 * values[2]) + values[3:8].sum(axis=0) / 2 + random.normal(size=rows)
    columns = {f"x{at}": pa.array(column) for at, column in enumerate(values)}
    target = pa.array(np.where(score > 0, "yes", "no").tolist())
    pq.write_table(pa.table({**columns, "y": target}), folder / "million.parquet")


if __name__ == "__main__":
    sys.exit(main())
