"""What preparing costs against the same work by hand, with pandas and scikit-learn: CPU time and peak memory.

    python scripts/bench/prepare.py [ROWS]     both, in turns, on a messy table of 2,000,000 rows and 31 columns
    python scripts/bench/prepare.py --curve    modelwright alone on 0.2, 0.6, 2, 6 and 20 million rows: takes an hour

Both read the CSV file, drop repeated ids and rows without a target, split, fit the features on learn, and write tables
and feature matrices of all splits as Parquet. modelwright also writes a contract of what was delivered, looks for
leaks and draws a report, which nobody does by hand here: what that took, as its run says, is shown apart, and the
limit is for the rest, start of the program and finding types out included. Memory is that of the whole command. Exit
code 1 when a limit is broken.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from _process import Cost, cost_of, cost_of_script

HERE = Path(__file__).parent
ROWS, TURNS = 2_000_000, 3
BESIDE = ("contract", "guard", "report")  # phases of prepare that have no like in the work by hand
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
        make(folder, rows, "1.2GB")
        heading()
        theirs, ours, beside = [], [], []
        for _ in range(TURNS):
            theirs.append(by_hand(folder))
            report("pandas + scikit-learn", theirs[-1])
            ours.append(prepare(folder))
            report("modelwright prepare", ours[-1])
            beside.append(beside_the_work(folder / ours[-1].output.strip()))
    whole, hand = middle([one.cpu_s for one in ours]), middle([one.cpu_s for one in theirs])
    same = middle([one.cpu_s - extra for one, extra in zip(ours, beside, strict=True)])
    memory = max(one.peak_mb for one in ours) / min(one.peak_mb for one in theirs)
    print(
        f"\nmedian CPU time of {TURNS} turns: pandas {hand:.1f} s, the same work {same:.1f} s, the whole {whole:.1f} s"
    )
    print(
        f"the same work takes {hand / same:.2f} times less (limit {LESS_CPU}), the whole {hand / whole:.2f} times less"
    )
    print(f"most memory: modelwright takes {memory:.2f} of it (limit {MEMORY_SHARE})")
    return 0 if hand / same >= LESS_CPU and memory <= MEMORY_SHARE else 1


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


def beside_the_work(run: Path) -> float:
    """CPU seconds for contract, leak guards and report."""
    took = json.loads((run / "environment.json").read_text("utf-8"))["cpu_s"]
    return float(sum(took[phase] for phase in BESIDE))


def middle(figures: list[float]) -> float:
    return sorted(figures)[len(figures) // 2]


def heading(more: str = "") -> None:
    print(f"\n{'':<24}{'wall s':>8}{'CPU s':>8}{'peak MB':>9}{more:>16}")


def report(what: str, cost: Cost, more: str = "") -> None:
    print(f"{what:<24}{cost.wall_s:>8.1f}{cost.cpu_s:>8.1f}{cost.peak_mb:>9.0f}{more:>16}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
