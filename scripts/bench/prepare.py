"""What preparing costs against the same work by hand, with pandas and scikit-learn: CPU time and peak memory.

    python scripts/bench/prepare.py [ROWS]     both, in turns, on a messy table of 2,000,000 rows and 31 columns
    python scripts/bench/prepare.py --curve    modelwright alone on 0.2, 0.6, 2, 6 and 20 million rows: takes an hour

Both read the CSV file, drop repeated ids and rows without a target, split, fit the features on learn, and write tables
and feature matrices of all splits as Parquet. modelwright's figures are those of the whole command: it also finds the
types out from all rows, looks for leaks, and writes profile, report and graph. Exit code 1 when a limit is broken.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from _process import Cost, cost_of, cost_of_script

HERE = Path(__file__).parent
ROWS, TURNS = 2_000_000, 3
CURVE = (200_000, 600_000, 2_000_000, 6_000_000, 20_000_000)
LESS_CPU, MEMORY_SHARE, MOST_MB = 1.7, 0.25, 2000
NUMERIC = "[sensor_*, stops, passengers, age_days, floor, gps_*]"
SPEC = f"""\
name: messy
task: {{kind: regression, target: duration_min}}
prepare:
  source: {{kind: csv, path: messy.csv}}
  memory: MEMORY
  matrix: true
  columns:
    ride_id: {{role: id}}
    requested_at: {{type: timestamp, role: time, timezone: UTC}}
  clean:
    - {{kind: drop_duplicates, keys: [ride_id]}}
  split: {{kind: random, validation: 0.15, test: 0.15}}
  features:
    - {{kind: drop, columns: [remark]}}
    - {{kind: datetime_parts, columns: [requested_at], parts: [month, weekday, hour]}}
    - {{kind: impute, columns: [numeric], strategy: median}}
    - {{kind: winsorize, columns: {NUMERIC}, lower: 0.005, upper: 0.995}}
    - {{kind: standardize, columns: {NUMERIC}}}
    - {{kind: one_hot, columns: [weather, vehicle, traffic, district, operator, tariff], min_count: 20}}
    - {{kind: ordinal, columns: [street, model]}}
"""


def main() -> int:
    if "--curve" in sys.argv:
        return curve()
    return compare(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)


def compare(rows: int) -> int:
    with TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, rows, "1GB")
        heading()
        ours, theirs = [], []
        for _ in range(TURNS):
            theirs.append(by_hand(folder))
            report("pandas + scikit-learn", theirs[-1])
            ours.append(prepare(folder))
            report("modelwright prepare", ours[-1])
    cpu = least(theirs).cpu_s / least(ours).cpu_s
    memory = max(one.peak_mb for one in ours) / min(one.peak_mb for one in theirs)
    print(f"\nleast CPU time of {TURNS} turns: modelwright takes {cpu:.2f} times less (limit {LESS_CPU})")
    print(f"most memory: modelwright takes {memory:.2f} of it (limit {MEMORY_SHARE})")
    return 0 if cpu >= LESS_CPU and memory <= MEMORY_SHARE else 1


def curve() -> int:
    peak = 0.0
    heading("CPU µs per row")
    for rows in CURVE:
        with TemporaryDirectory() as name:
            make(Path(name), rows, "2GB", quiet=True)
            cost = prepare(Path(name))
        report(f"{rows:>12,} rows", cost, f"{1e6 * cost.cpu_s / rows:>15.1f}")
        peak = max(peak, cost.peak_mb)
    return 0 if peak <= MOST_MB else 1


def make(folder: Path, rows: int, memory: str, *, quiet: bool = False) -> None:
    """In a process of its own: a large parent would count towards the peaks of its children."""
    path = folder / "messy.csv"
    cost_of_script(HERE / "_messy_table.py", [str(path), str(rows)], folder)
    (folder / "messy.yaml").write_text(SPEC.replace("MEMORY", memory), encoding="utf-8")
    if not quiet:
        print(f"messy.csv: {rows:,} rows, 31 columns, {path.stat().st_size / 1e6:,.0f} MB; prepare.memory: {memory}")


def prepare(folder: Path) -> Cost:
    return cost_of(["prepare", "messy.yaml", "--force", "--quiet"], folder)


def by_hand(folder: Path) -> Cost:
    return cost_of_script(HERE / "_pandas_prepare.py", ["messy.csv", "."], folder)


def least(costs: list[Cost]) -> Cost:
    return min(costs, key=lambda one: one.cpu_s)


def heading(more: str = "") -> None:
    print(f"\n{'':<24}{'wall s':>8}{'CPU s':>8}{'peak MB':>9}{more:>16}")


def report(what: str, cost: Cost, more: str = "") -> None:
    print(f"{what:<24}{cost.wall_s:>8.1f}{cost.cpu_s:>8.1f}{cost.peak_mb:>9.0f}{more:>16}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
