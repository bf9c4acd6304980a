"""What `kind: auto` is worth: against LightGBM as it comes, FLAML and AutoGluon, on the same seeded splits.

    python scripts/bench/tabular.py [--budget 20] [--splits 10] [--first 0] [--sets adult,friedman]
                                    [--figures FILE] [--flaml PYTHON] [--autogluon PYTHON] [--peer-budget 60]

Each split of a set is prepared once; all sides are fitted on learn and validation and scored on test: log loss for
classes, rmse for numbers. Differences are paired over the splits, with a 95 % t interval; wins and losses are printed
alike. Our time is that of the whole `modelwright train`, a peer's that of its fit alone. Figures are kept in FILE, so
that a long measurement can be stopped and resumed; what is in it is not measured again. The data lies in
MODELWRIGHT_DATA or ../shared/data; a set that is not there is skipped. Exit code 1 when auto is behind LightGBM on a
set (the interval of the difference lies above 0), or exceeds its budget by more than 10 %.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lightgbm
import numpy as np
import pyarrow.parquet as pq
from _process import cost_of
from _tabular_sets import DATA, GENERATED, PUBLIC, arguments, missing, prepared, rows_of
from scipy.stats import t as student

from modelwright.graph.running import Scorer

WHOLE = ("--set", "train.validation={kind: kfold}", "--set", "train.refit=learn+validation")
LATE = 1.1  # times its budget, that training may take


@dataclass(frozen=True)
class Result:
    """One side on one split."""

    loss: float
    wall_s: float
    megabytes: float
    model: str


# From a set, a seed, the folder of its runs and its rows to the result.
Side = Callable[[str, int, Path, Path], Result]


def main() -> int:
    asked = _arguments()
    figures = _Figures(asked.figures)
    ours = f"auto {asked.budget:g} s"
    sides: dict[str, Side] = {ours: _auto(asked.budget), "LightGBM": _lightgbm}
    for peer, python in (("FLAML", asked.flaml), ("AutoGluon", asked.autogluon)):
        if python:
            sides[f"{peer} {asked.peer_budget:g} s"] = _peer(python, f"_{peer.lower()}.py", asked.peer_budget)
    failed = 0
    for name in asked.sets.split(","):
        if missing(name):
            print(f"{name}: skipped, {DATA / name} is not there")
            continue
        print(f"\n{name}, {asked.splits} splits", flush=True)
        found = [_split(name, seed, sides, figures) for seed in range(asked.first, asked.first + asked.splits)]
        failed += not _compared(found, ours, list(sides)[1:], asked.budget)
    return 1 if failed else 0


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=float, default=20.0, help="seconds for auto")
    parser.add_argument("--peer-budget", type=float, default=60.0, help="seconds for FLAML and AutoGluon")
    parser.add_argument("--splits", type=int, default=3, help="seeded splits of each set")
    parser.add_argument("--first", type=int, default=0, help="the first split's seed")
    parser.add_argument("--sets", default=",".join((*PUBLIC, *GENERATED)), help="comma between them")
    parser.add_argument("--figures", type=Path, help="a JSON file that keeps what was measured")
    parser.add_argument("--flaml", help="a Python that has FLAML and pyarrow; default: no comparison with it")
    parser.add_argument("--autogluon", help="a Python that has AutoGluon and pyarrow; default: no comparison with it")
    return parser.parse_args()


class _Figures:
    """What was measured before; each new figure is written at once."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.known: dict[str, Any] = json.loads(path.read_text("utf-8")) if path and path.exists() else {}

    def get(self, key: str) -> Result | None:
        return Result(**self.known[key]) if key in self.known else None

    def keep(self, key: str, result: Result) -> None:
        self.known[key] = asdict(result)
        if self.path:
            self.path.write_text(json.dumps(self.known, indent=1, sort_keys=True), encoding="utf-8")


def _split(name: str, seed: int, sides: Mapping[str, Side], figures: _Figures) -> dict[str, Result]:
    """All sides on one split; it is prepared only if one of them has yet to be measured."""
    found: dict[str, Result] = {}
    with TemporaryDirectory() as temporary:
        folder, prepare = Path(temporary), None
        for side, measured in sides.items():
            key = f"{name}/{seed}/{side}"
            result = figures.get(key)
            if result is None:
                prepare = prepare or prepared(name, seed, folder)
                result = measured(name, seed, folder, prepare)
                figures.keep(key, result)
            found[side] = result
    shown = "  ".join(f"{side}: {one.loss:.5g}" for side, one in found.items())
    first = next(iter(found.values()))
    print(f"  seed {seed}: {shown}  ({first.model}, {first.wall_s:.1f} s, {first.megabytes:.1f} MB)", flush=True)
    return found


def _compared(found: Sequence[Mapping[str, Result]], ours: str, peers: Sequence[str], budget_s: float) -> bool:
    """Prints the paired differences in percent of a peer's loss; whether auto keeps its promises."""
    kept = True
    for peer in peers:
        differences = np.array([100 * (one[ours].loss / one[peer].loss - 1) for one in found])
        mean, reach, wins = float(differences.mean()), 0.0, int((differences < 0).sum())
        if len(differences) > 1:
            deviation = differences.std(ddof=1) / np.sqrt(len(differences))
            reach = float(student.ppf(0.975, len(differences) - 1) * deviation)
        wall, size = (np.median([getattr(one[peer], what) for one in found]) for what in ("wall_s", "megabytes"))
        print(
            f"  {ours} − {peer}: {mean:+.2f} % of its loss (95 % {mean - reach:+.2f} to {mean + reach:+.2f}), "
            f"better on {wins} of {len(found)}; it took {wall:.1f} s, {size:.1f} MB"
        )
        kept = kept and (peer != "LightGBM" or mean - reach <= 0)
    walls, sizes = ([getattr(one[ours], what) for one in found] for what in ("wall_s", "megabytes"))
    late = max(walls) > LATE * budget_s
    print(
        f"  {ours} took {np.median(walls):.1f} s, at most {max(walls):.1f} s{', TOO LATE' if late else ''}, "
        f"{np.median(sizes):.1f} MB"
    )
    return kept and not late


def _auto(budget_s: float) -> Side:
    def measured(name: str, seed: int, folder: Path, prepare: Path) -> Result:
        model = f"train.model={{kind: auto, budget_s: {budget_s}}}"
        cost = cost_of(
            ["train", *arguments(name, seed, folder), "--set", model, *WHOLE], folder, {"MODELWRIGHT_DATA": str(DATA)}
        )
        answer, rows = json.loads(cost.output), rows_of(prepare)
        scored = Scorer((folder / answer["path"] / "model.onnx").read_bytes()).run_table(
            pq.read_table(prepare / "test.parquet")
        )
        predicted = scored["prediction"] if rows.classes is None else scored["probability"]
        summary = answer["summary"]
        return Result(rows.loss(predicted), cost.wall_s, summary["bytes"] / 1e6, summary["model"])

    return measured


def _lightgbm(name: str, seed: int, folder: Path, prepare: Path) -> Result:
    """As it comes."""
    rows = rows_of(prepare)
    started = time.perf_counter()
    model: Any = (lightgbm.LGBMRegressor if rows.classes is None else lightgbm.LGBMClassifier)(verbose=-1)
    model.fit(rows.learn, rows.target)
    wall_s = time.perf_counter() - started
    predicted = model.predict(rows.test) if rows.classes is None else model.predict_proba(rows.test)
    return Result(rows.loss(predicted), wall_s, len(model.booster_.model_to_string()) / 1e6, "lightgbm")


def _peer(python: str, script: str, budget_s: float) -> Side:
    """Another tool, fitted by another Python."""

    def measured(name: str, seed: int, folder: Path, prepare: Path) -> Result:
        rows = rows_of(prepare)
        with TemporaryDirectory() as given:
            rows.learn.assign(__target__=rows.target).to_parquet(Path(given, "learn.parquet"))
            rows.test.to_parquet(Path(given, "test.parquet"))
            command = [python, str(Path(__file__).with_name(script)), given, rows.task, rows.metric, str(budget_s)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr[-3000:]}")
            told = json.loads(Path(given, "told.json").read_text("utf-8"))
            predicted = np.load(Path(given, "predicted.npy"))
        return Result(rows.loss(predicted), told["fit_s"], told.get("bytes", float("nan")) / 1e6, str(told["model"]))

    return measured


if __name__ == "__main__":
    sys.exit(main())
