"""The prepare benchmark's peer: the same work by hand with pandas and scikit-learn's ColumnTransformer.

python scripts/bench/_pandas_prepare.py CSV FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _messy_table import COUNTS, LARGE, NULL_WORDS, NUMBERS, SMALL
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

NUMERIC = [*NUMBERS, *COUNTS, "gps_lat", "gps_lon"]
PARTS = ["month", "weekday", "hour"]


class Winsorizer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Pulls extreme values in to quantiles of what it was fitted on."""

    def fit(self, values: Any, target: Any = None) -> Winsorizer:
        self.bounds_ = np.nanquantile(values, [0.005, 0.995], axis=0)
        return self

    def transform(self, values: Any) -> Any:
        return np.clip(values, *self.bounds_)

    def get_feature_names_out(self, names: Any = None) -> Any:
        return names


def main(source: Path, folder: Path) -> None:
    frame = read(source).drop_duplicates(subset="ride_id").dropna(subset="duration_min")
    side = pd.util.hash_pandas_object(frame["ride_id"], index=False).to_numpy() % 100
    splits = {"learn": side < 70, "validation": (side >= 70) & (side < 85), "test": side >= 85}
    steps = transformer()
    for name, rows in splits.items():
        part = frame[rows]
        part.to_parquet(folder / f"{name}.parquet", index=False)
        matrix = steps.fit_transform(part) if name == "learn" else steps.transform(part)
        features = pd.DataFrame(matrix, columns=steps.get_feature_names_out())
        features.to_parquet(folder / f"{name}_features.parquet", index=False)
        print(f"{name}: {features.shape[0]:,} rows, {features.shape[1]} features")


def read(source: Path) -> pd.DataFrame:
    frame = pd.read_csv(source, na_values=list(NULL_WORDS))
    for name in (*SMALL, *LARGE):
        frame[name] = frame[name].str.strip()
    frame["priority"] = frame["priority"].astype("boolean").astype("float64")
    frame["requested_at"] = pd.to_datetime(frame["requested_at"], utc=True, format="%Y-%m-%d %H:%M:%S")
    for part in PARTS:
        frame[part] = getattr(frame["requested_at"].dt, part)
    return frame


def transformer() -> Any:
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), Winsorizer(), StandardScaler()), NUMERIC),
            ("flags", SimpleImputer(strategy="median"), ["priority"]),
            ("small", OneHotEncoder(handle_unknown="ignore", min_frequency=20, sparse_output=False), list(SMALL)),
            ("large", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan), list(LARGE)),
            ("time", "passthrough", PARTS),
        ]
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
