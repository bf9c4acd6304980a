"""LightGBM called directly on prepare's tables, for `train.py`: as few lines and as little memory as it takes.

python _train_directly.py PREPARED ITERATIONS LEAVES
"""

import sys
from pathlib import Path

import lightgbm
import numpy as np
import pyarrow.parquet as pq

from modelwright.core.threads import available_threads

prepared, iterations, leaves = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
table = pq.read_table(prepared / "learn.parquet")
names = [name for name in table.column_names if name.startswith("x")]
matrix = np.empty((table.num_rows, len(names)))
for at, name in enumerate(names):
    matrix[:, at] = table.column(name).to_numpy()
target = np.asarray(table.column("y").to_pylist()) == "yes"
del table
settings = {"objective": "binary", "num_leaves": leaves, "learning_rate": 0.05, "feature_fraction": 0.7,
            "bagging_fraction": 0.9, "bagging_freq": 1, "lambda_l2": 1, "deterministic": True, "force_col_wise": True,
            "num_threads": available_threads(), "verbosity": -1}  # fmt: skip
booster = lightgbm.train(settings, lightgbm.Dataset(matrix, target, params={"verbosity": -1}), iterations)
booster.save_model("direct.txt")
