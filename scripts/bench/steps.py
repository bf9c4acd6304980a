"""CPU seconds of each numeric step and of its scikit-learn twin, fitted on and asked about the same table.

python scripts/bench/steps.py [ROWS]
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # CPU time of one thread on both sides

import numpy as np
import pyarrow as pa
from sklearn import decomposition, impute, preprocessing
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - its import is what enables IterativeImputer

from modelwright.core.columns import Column, Schema
from modelwright.fitting.features import fit_features
from modelwright.parts import catalog
from modelwright.parts.base import Step

WIDTH = 8
STEPS: list[tuple[str, dict[str, Any], Any]] = [
    ("impute", {}, impute.SimpleImputer(strategy="median")),
    ("winsorize", {}, None),
    ("standardize", {}, preprocessing.StandardScaler()),
    ("min_max", {}, preprocessing.MinMaxScaler()),
    ("robust", {}, preprocessing.RobustScaler()),
    ("max_abs", {}, preprocessing.MaxAbsScaler()),
    ("log1p", {}, preprocessing.FunctionTransformer(np.log1p)),
    ("power", {}, preprocessing.PowerTransformer()),
    ("quantile", {}, preprocessing.QuantileTransformer(subsample=None)),
    (
        "quantile",
        {"output": "normal"},
        preprocessing.QuantileTransformer(output_distribution="normal", subsample=None),
    ),
    ("bin", {}, preprocessing.KBinsDiscretizer(encode="ordinal", subsample=None)),
    ("bin", {"output": "one_hot"}, preprocessing.KBinsDiscretizer(encode="onehot-dense", subsample=None)),
    ("polynomial", {}, preprocessing.PolynomialFeatures(include_bias=False)),
    ("splines", {}, preprocessing.SplineTransformer()),
    ("pca", {"components": 4}, decomposition.PCA(4)),
    ("svd", {"components": 4}, decomposition.TruncatedSVD(4)),
    ("regression_impute", {}, impute.IterativeImputer(max_iter=3, skip_complete=True)),
    ("em_impute", {}, None),
    ("knn_impute", {}, None),  # the twin compares each row with each
]
WITHOUT_MISSING = {"bin", "polynomial", "splines", "pca", "svd"}  # in scikit-learn


def table(rows: int) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(7)
    matrix = random.normal(size=(rows, 3)) @ random.normal(size=(3, WIDTH)) + random.exponential(size=(rows, WIDTH))
    matrix[random.random(matrix.shape) < 0.05] = np.nan
    return np.asfortranarray(matrix)


def cpu_s(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 500_000
    warnings.simplefilter("ignore")
    gaps = table(rows)
    print(f"{rows} rows x {WIDTH} columns; CPU s, fit / transform of ours, fit + transform of the twin")
    for kind, options, twin in STEPS:
        matrix = np.where(np.isnan(gaps), 0.5, gaps) if kind in WITHOUT_MISSING else gaps
        step = catalog.load("features", kind).model_validate({"kind": kind, **options})
        assert isinstance(step, Step)
        columns = pa.table({f"x{at}": pa.array(values, from_pandas=True) for at, values in enumerate(matrix.T)})
        schema = Schema(tuple(Column(name, "number", nullable=True) for name in columns.column_names))
        fitted: list[Any] = []
        fit = cpu_s(lambda: fitted.append(fit_features([step], columns, schema, None, 0)))  # noqa: B023 - called here
        transform = cpu_s(lambda: fitted[0].transform(columns))  # noqa: B023 - called here
        other = f"{cpu_s(lambda: twin.fit(matrix).transform(matrix)):8.2f}" if twin else "       –"  # noqa: B023
        print(f"{kind:18} {options or ''!s:24} {fit:7.2f} {transform:7.2f} {other}", flush=True)


if __name__ == "__main__":
    main()
