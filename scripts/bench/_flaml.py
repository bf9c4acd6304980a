"""FLAML on one split, in the environment that it is installed in; `tabular.py --flaml PYTHON` runs this.

    python _flaml.py FOLDER TASK METRIC SECONDS

FOLDER holds learn.parquet (the target is its column __target__) and test.parquet; predicted.npy and told.json (seconds
of the fit, the kind of model) are written beside them.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from flaml import AutoML  # type: ignore[import-not-found]  # it is in that environment only

folder, task, metric, seconds = Path(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])
learn, test = pd.read_parquet(folder / "learn.parquet"), pd.read_parquet(folder / "test.parquet")
target = learn.pop("__target__")
model = AutoML()
started = time.monotonic()
model.fit(
    learn,
    target,
    task="regression" if task == "regression" else "classification",
    metric=metric,
    time_budget=seconds,
    seed=0,
    verbose=0,
)
told = {"fit_s": time.monotonic() - started, "model": model.best_estimator}  # it is at rest as a pickle only
predicted = model.predict(test) if task == "regression" else model.predict_proba(test)
np.save(folder / "predicted.npy", np.asarray(predicted), allow_pickle=False)
(folder / "told.json").write_text(json.dumps(told), encoding="utf-8")
