"""How long a command line takes that does no work: medians of fresh processes against their limits.

python scripts/bench/startup.py [RUNS]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

SPEC = """\
name: rides
task: {kind: regression, target: duration_min}
prepare:
  source: {kind: csv, path: rides.csv}
  columns: {ride_id: {role: id}}
  clean:
    - {kind: drop_duplicates, keys: [ride_id]}
    - {kind: drop_rows, where: "distance_km <= 0 or duration_min > 600"}
  checks:
    - {kind: not_null, columns: [duration_min]}
    - {kind: between, columns: [distance_km], min: 0, max: 300}
  split: {kind: random, validation: 0.15, test: 0.15}
  features:
    - {kind: expression, name: naive_min, value: "60 * distance_km / max(speed_kmh, 1)"}
    - {kind: impute, columns: numeric, strategy: median}
    - {kind: winsorize, columns: numeric, lower: 0.005, upper: 0.995}
    - {kind: one_hot, columns: categorical, min_count: 20}
train: {model: {kind: lightgbm}}
evaluate:
  metrics: [rmse, mae, r2]
  slices: [weather]
  gates:
    - {kind: threshold, metric: rmse, max: 6.0}
    - {kind: not_worse_than, model: champion, metric: rmse}
"""
ROWS = "ride_id,weather,distance_km,speed_kmh,duration_min\n" + "1,rain,2.0,30,11\n" * 1000

LIMITS_MS: dict[tuple[str, ...], int] = {
    ("--help",): 150,
    ("train", "--help"): 150,
    ("check", "rides.yaml"): 400,
}


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    program = Path(sys.executable).with_name("modelwright")
    print(f"{'command':<28}{'median ms':>10}{'fastest':>10}{'slowest':>10}{'limit':>8}")
    slow = 0
    with TemporaryDirectory() as folder:
        Path(folder, "rides.yaml").write_text(SPEC)
        Path(folder, "rides.csv").write_text(ROWS)
        for arguments, limit in LIMITS_MS.items():
            found = sorted(wall_ms([str(program), *arguments], folder) for _ in range(runs + 1))[:runs]
            median = statistics.median(found)
            slow += median > limit
            words = "modelwright " + " ".join(arguments)
            print(f"{words:<28}{median:>10.0f}{found[0]:>10.0f}{found[-1]:>10.0f}{limit:>8}")
    return 1 if slow else 0


def wall_ms(command: Sequence[str], folder: str) -> float:
    """One run, from start to exit; the command must succeed."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    sys.exit(main())
