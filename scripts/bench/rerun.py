"""How long a stage takes that has nothing to do: a CSV file of 100 MB, and every stage run again with nothing changed.

    python scripts/bench/rerun.py [RUNS] [MEGABYTES]

Exit code 1 when a median is above the limit of one second.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from _process import Cost, cost_of

LIMIT_S = 1.0
STAGES = ("prepare", "train", "evaluate", "export")
SPEC = """\
name: large
task: {kind: regression, target: minutes}
prepare:
  source: {kind: csv, path: large.csv}
  columns: {ride: {role: id}}
  split: {kind: random, validation: 0.15, test: 0.15}
train:
  model: {kind: ridge}
evaluate:
  metrics: [rmse]
"""


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    megabytes = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    slow = 0
    with TemporaryDirectory() as name:
        folder = Path(name)
        rows = write_table(folder / "large.csv", megabytes)
        (folder / "large.yaml").write_text(SPEC, encoding="utf-8")
        print(f"large.csv: {rows:,} rows, {(folder / 'large.csv').stat().st_size / 1e6:.0f} MB")
        print(f"\n{'first run':<12}{'wall s':>8}{'CPU s':>8}{'peak MB':>9}")
        for stage in STAGES:
            first = cost_of([stage, "large.yaml", "--quiet"], folder)
            print(f"{stage:<12}{first.wall_s:>8.1f}{first.cpu_s:>8.1f}{first.peak_mb:>9.0f}", flush=True)
        print(f"\n{'run again':<12}{'median s':>9}{'fastest':>9}{'slowest':>9}{'CPU s':>8}{'peak MB':>9}{'limit':>7}")
        for stage in STAGES:
            again = [cost_of([stage, "large.yaml", "--json"], folder) for _ in range(runs)]
            assert all('"cached": true' in one.output for one in again), f"{stage} did its work again"
            slow += report(stage, again)
    return 1 if slow else 0


def report(stage: str, again: list[Cost]) -> bool:
    """One line; whether the median breaks the limit."""
    walls = sorted(one.wall_s for one in again)
    median = statistics.median(walls)
    cpu, peak = statistics.median(one.cpu_s for one in again), statistics.median(one.peak_mb for one in again)
    print(
        f"{stage:<12}{median:>9.2f}{walls[0]:>9.2f}{walls[-1]:>9.2f}{cpu:>8.2f}{peak:>9.0f}{LIMIT_S:>7.1f}", flush=True
    )
    return median > LIMIT_S


def write_table(path: Path, megabytes: int) -> int:
    """Rides drawn from a seed, a block at a time until the file is large enough; returns the number of rows."""
    random, block, rows = np.random.default_rng(7), 50_000, 0
    weather = np.array(["clear", "rain", "snow", "fog"])
    with path.open("w", encoding="utf-8") as file:
        file.write("ride,weather," + ",".join(f"sensor_{number}" for number in range(8)) + ",minutes\n")
        while file.tell() < megabytes * 1_000_000:
            sensors = random.normal(20, 5, (block, 8)).round(4)
            minutes = (sensors @ np.arange(1, 9) / 4 + random.normal(0, 3, block)).round(3)
            words = weather[random.integers(0, 4, block)]
            for row in range(block):
                numbers = ",".join(map(str, sensors[row]))
                file.write(f"R{rows + row:08},{words[row]},{numbers},{minutes[row]}\n")
            rows += block
    return rows


if __name__ == "__main__":
    sys.exit(main())
