"""What `kind: auto` is worth: against LightGBM as it comes, and FLAML where it is installed, on the same seeded splits.

    python scripts/bench/tabular.py [--budget 20] [--splits 3] [--sets telco_churn,diamonds] [--flaml PYTHON]

Each split of a set is prepared once; both sides are fitted on learn and validation and scored on test: log loss for
classes, rmse for numbers. Differences are paired over the splits, with a 95 % t interval. Wins and losses are printed
alike. The data lies in MODELWRIGHT_DATA or ../shared/data; a set that is not there is skipped. Exit code 1 when auto is
behind LightGBM on a set: the interval of the difference lies above 0.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from _process import cost_of
from scipy.stats import t as student
from sklearn.metrics import log_loss, root_mean_squared_error

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("MODELWRIGHT_DATA", ROOT.parent / "shared" / "data")).resolve()
SETS = ("adult", "telco_churn", "diamonds", "wine_quality", "bike_sharing")
RANDOM = "{kind: random, validation: 0.15, test: 0.25}"
STRATIFIED = "{kind: stratified, validation: 0.15, test: 0.25}"
WHOLE = ("--set", "train.validation={kind: kfold}", "--set", "train.refit=learn+validation")


@dataclass(frozen=True)
class Rows:
    """The rows of one split as every side but modelwright sees them: text columns as pandas categoricals."""

    learn: pd.DataFrame
    test: pd.DataFrame
    target: pd.Series[Any]
    truth: pd.Series[Any]
    classes: list[Any] | None

    def loss(self, predicted: Any) -> float:
        if self.classes is None:
            return float(root_mean_squared_error(self.truth, predicted))
        return float(log_loss(self.truth, predicted, labels=self.classes))


@dataclass(frozen=True)
class Result:
    """One side on one split."""

    loss: float
    wall_s: float
    megabytes: float = 0.0
    model: str = ""


Peer = Callable[[Rows, float], Any]


def main() -> int:
    asked = _arguments()
    behind = 0
    for name in asked.sets.split(","):
        if not (DATA / name).is_dir():
            print(f"{name}: skipped, {DATA / name} is not there")
            continue
        behind += not _bench(name, asked.splits, asked.budget, asked.flaml)
    return 1 if behind else 0


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=float, default=20.0, help="seconds for auto, and for FLAML")
    parser.add_argument("--splits", type=int, default=3, help="seeded splits of each set")
    parser.add_argument("--sets", default=",".join(SETS), help="comma between them")
    parser.add_argument("--flaml", help="a Python that has FLAML and pyarrow; default: no comparison with it")
    return parser.parse_args()


def _bench(name: str, splits: int, budget_s: float, flaml: str | None) -> bool:
    """Prints a set; whether auto is not behind LightGBM."""
    peers: dict[str, Peer] = {"LightGBM": _lightgbm}
    if flaml:
        peers["FLAML"] = _flaml(flaml)
    print(f"\n{name}, {splits} splits, auto with {budget_s:g} s")
    found: dict[str, list[Result]] = {"auto": [], **{peer: [] for peer in peers}}
    for seed in range(splits):
        with TemporaryDirectory() as folder:
            ours, prepared = _auto(name, seed, budget_s, Path(folder))
            rows = _rows(prepared)
        found["auto"].append(ours)
        for peer, fitted in peers.items():
            started = time.perf_counter()
            found[peer].append(Result(rows.loss(fitted(rows, budget_s)), time.perf_counter() - started))
        shown = "  ".join(f"{side} {results[-1].loss:.5g}" for side, results in found.items())
        cost = f"{ours.model}, {ours.wall_s:.0f} s from prepare to evaluate, {ours.megabytes:.1f} MB"
        print(f"  seed {seed}: {shown}  ({cost})", flush=True)
    kept = {peer: _compared(found["auto"], found[peer], peer) for peer in peers}
    return kept["LightGBM"]


def _compared(ours: Sequence[Result], theirs: Sequence[Result], peer: str) -> bool:
    """Prints the paired difference in percent of the peer's loss; whether its interval is not above 0."""
    differences = np.array([100 * (a.loss / b.loss - 1) for a, b in zip(ours, theirs, strict=True)])
    mean, wins = float(differences.mean()), int((differences < 0).sum())
    line = f"  auto − {peer}: {mean:+.2f} % of its loss"
    if len(differences) == 1:
        print(line)
        return mean <= 0
    reach = student.ppf(0.975, len(differences) - 1) * differences.std(ddof=1) / np.sqrt(len(differences))
    print(f"{line} (95 % {mean - reach:+.2f} to {mean + reach:+.2f}), better on {wins} of {len(differences)}")
    return bool(mean - reach <= 0)


def _auto(name: str, seed: int, budget_s: float, folder: Path) -> tuple[Result, Path]:
    """One config from prepare to evaluate; the folder of its prepare run."""
    config = ROOT / "configs" / f"{name}.yaml"
    regression = "kind: regression" in config.read_text("utf-8")
    settings = [f"seed={seed}", "evaluate.gates=[]", f"train.model={{kind: auto, budget_s: {budget_s}}}"]
    settings += [f"prepare.split={RANDOM if regression else STRATIFIED}"]
    settings += ["evaluate.metrics=[rmse]" if regression else "evaluate.metrics=[log_loss]", "evaluate.slices=[]"]
    arguments = ["run", str(config), "--to", "evaluate", "--json", "--runs", str(folder / "runs"), *WHOLE]
    for setting in settings:
        arguments += ["--set", setting]
    cost = cost_of(arguments, folder, {"MODELWRIGHT_DATA": str(DATA)})
    stages = json.loads(cost.output)["stages"]
    (metric,) = stages["evaluate"]["summary"]["metrics"].values()
    train = stages["train"]["summary"]
    result = Result(metric["value"], cost.wall_s, train["bytes"] / 1e6, train["model"])
    return result, Path(folder, stages["prepare"]["path"])


def _rows(prepared: Path) -> Rows:
    schema = json.loads((prepared / "schema.json").read_text("utf-8"))
    roles = {column["name"]: column["role"] for column in schema["columns"]}
    target = next(name for name, role in roles.items() if role == "target")
    inputs = [name for name, role in roles.items() if role == "input"]
    tables = {part: pd.read_parquet(prepared / f"{part}.parquet") for part in ("learn", "validation", "test")}
    fitted = pd.concat([tables["learn"], tables["validation"]], ignore_index=True)
    learn, test = fitted[inputs].copy(), tables["test"][inputs].copy()
    for name in inputs:
        if not pd.api.types.is_numeric_dtype(learn[name]):
            categories = pd.CategoricalDtype(sorted(learn[name].dropna().unique()))
            learn[name], test[name] = learn[name].astype(categories), test[name].astype(categories)
    return Rows(learn, test, fitted[target], tables["test"][target], schema["classes"])


def _lightgbm(rows: Rows, budget_s: float) -> Any:
    """As it comes."""
    if rows.classes is None:
        return lightgbm.LGBMRegressor(verbose=-1).fit(rows.learn, rows.target).predict(rows.test)
    model: Any = lightgbm.LGBMClassifier(verbose=-1).fit(rows.learn, rows.target)
    return model.predict_proba(rows.test)


def _flaml(python: str) -> Peer:
    """FLAML, fitted by another Python for as many seconds."""

    def fitted(rows: Rows, budget_s: float) -> Any:
        task, metric = ("regression", "rmse") if rows.classes is None else ("classification", "log_loss")
        with TemporaryDirectory() as folder:
            rows.learn.assign(__target__=rows.target).to_parquet(Path(folder, "learn.parquet"))
            rows.test.to_parquet(Path(folder, "test.parquet"))
            script = Path(__file__).with_name("_flaml.py")
            subprocess.run([python, script, folder, task, metric, str(budget_s)], check=True, stdout=sys.stderr)
            return np.load(Path(folder, "predicted.npy"))

    return fitted


if __name__ == "__main__":
    sys.exit(main())
