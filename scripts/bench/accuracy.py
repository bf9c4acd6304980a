"""How good the chosen models are: adult on its official split, telco_churn against default LightGBM over ten splits.

    python scripts/bench/accuracy.py [SPLITS]

The data lies in MODELWRIGHT_DATA or ../shared/data; a set that is not there is skipped. Exit code 1 when a promise is
broken: roc_auc of at least 0.926 on adult, and on telco_churn no worse than LightGBM as it comes.
"""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lightgbm
import numpy as np
from _process import Cost, cost_of
from _tabular_sets import DATA, ROOT, rows_of
from scipy.stats import t as student
from sklearn.metrics import log_loss, roc_auc_score

ADULT_AT_LEAST = 0.926
COSTS = ("wall_s", "cpu_s", "peak_mb")
# The clock must not choose the model on a busy machine, so every candidate is given its turn.
MODELS = ("--set", "train.model.budget_s=3600", "--set", "train.model.max_models=8")
SETTINGS = (*MODELS, "--set", "evaluate.gates=[]")


@dataclass(frozen=True)
class Scored:
    """One split: the test scores of modelwright and of LightGBM as it comes, and what modelwright cost."""

    model: str
    ours: dict[str, float]
    theirs: dict[str, float]
    cost: Cost
    interval: tuple[float, float]


def main() -> int:
    splits = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    broken = 0
    for name, bench in (("adult", adult), ("telco_churn", lambda: telco_churn(splits))):
        if (DATA / name).is_dir():
            broken += not bench()
        else:
            print(f"{name}: skipped, {DATA / name} is not there")
    return 1 if broken else 0


def adult() -> bool:
    """The model is chosen by 5-fold cross-validation on the training file; the test file is scored once."""
    found = scored("adult", 7)
    low, high = found.interval
    print("adult, official split, test file scored once")
    print(f"  modelwright auto ({found.model})  roc_auc {found.ours['roc_auc']:.4f} ({low:.4f} to {high:.4f})")
    print(f"  LightGBM as it comes         roc_auc {found.theirs['roc_auc']:.4f}")
    print(f"  prepare to evaluate: {told(found.cost)}")
    return promise(f"roc_auc ≥ {ADULT_AT_LEAST}", found.ours["roc_auc"] >= ADULT_AT_LEAST)


def telco_churn(splits: int) -> bool:
    """Seeded stratified splits; both are fitted on learn and validation, both are scored on test."""
    print(f"\ntelco_churn, {splits} stratified splits, modelwright auto and LightGBM as it comes on the same rows")
    header = "".join(f"{metric:>10}{'LightGBM':>10}{'diff':>9}" for metric in ("roc_auc", "log_loss"))
    print(f"  {'seed':>4}  {'chosen':<14}{header}")
    rows = []
    for seed in range(splits):
        found = scored("telco_churn", seed)
        rows.append(found)
        pairs = ((found.ours[metric], found.theirs[metric]) for metric in ("roc_auc", "log_loss"))
        (auc, their_auc), (loss, their_loss) = pairs
        print(
            f"  {seed:>4}  {found.model:<14}{auc:>10.4f}{their_auc:>10.4f}{auc - their_auc:>+9.4f}"
            f"{loss:>10.4f}{their_loss:>10.4f}{loss - their_loss:>+9.4f}",
            flush=True,
        )
    low, _ = difference(rows, "roc_auc", higher_is_better=True)
    difference(rows, "log_loss", higher_is_better=False)
    wall_s, cpu_s, peak_mb = (statistics.median(getattr(row.cost, part) for row in rows) for part in COSTS)
    median = Cost(wall_s, cpu_s, peak_mb, output="")
    print(f"  prepare to evaluate, median of a split: {told(median)}")
    return promise("roc_auc no worse than LightGBM's: the interval starts at 0 or above", low >= 0)


def difference(rows: list[Scored], metric: str, *, higher_is_better: bool) -> tuple[float, float]:
    """Prints the mean paired difference with its 95 % t interval over the splits, and who won how often."""
    differences = np.array([row.ours[metric] - row.theirs[metric] for row in rows])
    mean, spread = differences.mean(), differences.std(ddof=1) / np.sqrt(len(rows))
    reach = student.ppf(0.975, len(rows) - 1) * spread
    better = int((differences > 0 if higher_is_better else differences < 0).sum())
    print(
        f"  {metric}: modelwright − LightGBM {mean:+.4f} (95 % {mean - reach:+.4f} to {mean + reach:+.4f}), "
        f"better on {better} splits, not on {len(rows) - better}"
    )
    return float(mean - reach), float(mean + reach)


def scored(config: str, seed: int) -> Scored:
    """One config from prepare to evaluate in a fresh folder; then LightGBM on the very rows that it used."""
    with TemporaryDirectory() as folder:
        arguments = ["run", str(ROOT / "configs" / f"{config}.yaml"), "--to", "evaluate", "--json"]
        arguments += ["--runs", str(Path(folder, "runs")), "--set", f"seed={seed}", *SETTINGS]
        cost = cost_of(arguments, Path(folder), {"MODELWRIGHT_DATA": str(DATA)})
        stages = json.loads(cost.output)["stages"]
        metrics = stages["evaluate"]["summary"]["metrics"]
        theirs = as_it_comes(Path(folder, stages["prepare"]["path"]))
    ours = {name: metric["value"] for name, metric in metrics.items()}
    interval = metrics["roc_auc"]["low"], metrics["roc_auc"]["high"]
    return Scored(stages["train"]["summary"]["model"], ours, theirs, cost, interval)


def as_it_comes(prepared: Path) -> dict[str, float]:
    """LightGBM with its defaults, text columns as pandas categoricals, fitted on learn and validation."""
    rows = rows_of(prepared)
    assert rows.classes is not None
    positive = rows.classes[-1]
    model: Any = lightgbm.LGBMClassifier(verbose=-1)
    model.fit(rows.learn, rows.target == positive)
    probability = model.predict_proba(rows.test)[:, 1]
    truth = rows.truth == positive
    return {"roc_auc": float(roc_auc_score(truth, probability)), "log_loss": float(log_loss(truth, probability))}


def told(cost: Cost) -> str:
    return f"{cost.wall_s:.1f} s, CPU {cost.cpu_s:.1f} s, peak {cost.peak_mb:.0f} MB"


def promise(words: str, kept: bool) -> bool:
    print(f"  {'kept' if kept else 'BROKEN'}: {words}")
    return kept


if __name__ == "__main__":
    sys.exit(main())
