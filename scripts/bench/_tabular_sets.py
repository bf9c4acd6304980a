"""The tables of `tabular.py`: public ones with the specs of configs/, and generated ones, as the tool prepares them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _process import cost_of
from sklearn.datasets import make_classification, make_friedman1
from sklearn.metrics import log_loss, root_mean_squared_error

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("MODELWRIGHT_DATA", ROOT.parent / "shared" / "data")).resolve()
PUBLIC = ("adult", "telco_churn", "diamonds", "wine_quality", "bike_sharing")
RANDOM = "{kind: random, validation: 0.15, test: 0.25}"
STRATIFIED = "{kind: stratified, validation: 0.15, test: 0.25}"
GENERATED_ROWS = 8000


@dataclass(frozen=True)
class Rows:
    """The rows of one split as every side but modelwright sees them: text columns as pandas categoricals."""

    learn: pd.DataFrame
    test: pd.DataFrame
    target: pd.Series[Any]
    truth: pd.Series[Any]
    classes: list[Any] | None

    @property
    def metric(self) -> str:
        return "rmse" if self.classes is None else "log_loss"

    @property
    def task(self) -> str:
        return "regression" if self.classes is None else "binary" if len(self.classes) == 2 else "multiclass"

    def loss(self, predicted: Any) -> float:
        if self.classes is None:
            return float(root_mean_squared_error(self.truth, predicted))
        return float(log_loss(self.truth, predicted, labels=self.classes))


def missing(name: str) -> bool:
    """Whether it is a public set whose data is not here."""
    return name not in GENERATED and not (DATA / name).is_dir()


def arguments(name: str, seed: int, folder: Path) -> list[str]:
    """What follows `modelwright STAGE`, for one split of a set; runs are kept in the folder."""
    config = _generated(name, folder) if name in GENERATED else ROOT / "configs" / f"{name}.yaml"
    split = RANDOM if "kind: regression" in config.read_text("utf-8") else STRATIFIED
    return [str(config), "--json", "--runs", str(folder / f"runs_{seed}"),
            "--set", f"seed={seed}", "--set", f"prepare.split={split}"]  # fmt: skip


def prepared(name: str, seed: int, folder: Path) -> Path:
    """The folder of the prepare run."""
    cost = cost_of(["prepare", *arguments(name, seed, folder)], folder, {"MODELWRIGHT_DATA": str(DATA)})
    return Path(folder, json.loads(cost.output)["path"])


def rows_of(prepare: Path) -> Rows:
    schema = json.loads((prepare / "schema.json").read_text("utf-8"))
    roles = {column["name"]: column["role"] for column in schema["columns"]}
    target = next(name for name, role in roles.items() if role == "target")
    inputs = [name for name, role in roles.items() if role == "input"]
    tables = {part: pd.read_parquet(prepare / f"{part}.parquet") for part in ("learn", "validation", "test")}
    fitted = pd.concat([tables["learn"], tables["validation"]], ignore_index=True)
    learn, test = fitted[inputs].copy(), tables["test"][inputs].copy()
    for name in inputs:
        if not pd.api.types.is_numeric_dtype(learn[name]):
            categories = pd.CategoricalDtype(sorted(learn[name].dropna().unique()))
            learn[name], test[name] = learn[name].astype(categories), test[name].astype(categories)
    return Rows(learn, test, fitted[target], tables["test"][target], schema["classes"])


def _friedman() -> pd.DataFrame:
    """Friedman (1991), with noise that leaves an rmse of 1 to the best model there is."""
    features, target = make_friedman1(GENERATED_ROWS, n_features=15, noise=1.0, random_state=0)
    return pd.DataFrame(features, columns=[f"x{at}" for at in range(15)]).assign(y=target)


def _clusters() -> pd.DataFrame:
    """Four classes in clusters of 20 features, half of them noise; one label in twenty is wrong."""
    features, target = make_classification(
        GENERATED_ROWS, 20, n_informative=10, n_classes=4, n_clusters_per_class=3, flip_y=0.05, random_state=0
    )
    return pd.DataFrame(features, columns=[f"x{at}" for at in range(20)]).assign(y=target)


def _shops() -> pd.DataFrame:
    """Sales of 400 shops: what counts most is which shop it is, and most have few rows."""
    random = np.random.default_rng(0)
    shop = np.minimum(random.geometric(0.01, GENERATED_ROWS), 400)
    level, slope = random.normal(3, 0.6, 401), random.normal(0, 0.3, 401)
    price, hour = random.gamma(4, 2.5, GENERATED_ROWS), random.integers(8, 21, GENERATED_ROWS)
    mean = level[shop] + slope[shop] * np.log(price) - 0.05 * abs(hour - 17) + random.normal(0, 0.3, GENERATED_ROWS)
    return pd.DataFrame({"shop": [f"s{at}" for at in shop], "price": price, "hour": hour, "y": np.exp(mean)})


GENERATED: dict[str, tuple[Callable[[], pd.DataFrame], str]] = {
    "friedman": (_friedman, "regression"),
    "clusters": (_clusters, "multiclass"),
    "shops": (_shops, "regression"),
}


def _generated(name: str, folder: Path) -> Path:
    config = folder / f"{name}.yaml"
    if not config.exists():
        make, task = GENERATED[name]
        make().to_csv(folder / f"{name}.csv", index=False)
        config.write_text(
            f"name: {name}\ntask: {{kind: {task}, target: y}}\n"
            f"prepare:\n  source: {{kind: csv, path: {name}.csv}}\ntrain: {{model: {{kind: auto}}}}\n",
            encoding="utf-8",
        )
    return config
