"""AutoGluon (medium_quality) on one split, in its own environment; `tabular.py --autogluon PYTHON` runs this.

    python _autogluon.py FOLDER TASK METRIC SECONDS

FOLDER holds learn.parquet (the target is its column __target__) and test.parquet; predicted.npy and told.json (seconds
of the fit, bytes of what it would deploy) are written beside them.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from autogluon.tabular import TabularPredictor  # type: ignore[import-not-found]  # it is in that environment only

METRICS = {"log_loss": "log_loss", "rmse": "root_mean_squared_error"}

folder, task, metric, seconds = Path(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])
learn, test = pd.read_parquet(folder / "learn.parquet"), pd.read_parquet(folder / "test.parquet")
started = time.monotonic()
predictor = TabularPredictor(
    "__target__", problem_type=task, eval_metric=METRICS[metric], path=str(folder / "predictor"), verbosity=0
).fit(learn, presets="medium_quality", time_limit=seconds, num_cpus="auto", num_gpus=0)
fit_s = time.monotonic() - started
if task == "regression":
    predicted = predictor.predict(test)
else:
    classes = sorted(learn["__target__"].unique())  # the order in which the benchmark scores
    predicted = predictor.predict_proba(test)[classes]
np.save(folder / "predicted.npy", np.asarray(predicted), allow_pickle=False)
deployed = Path(predictor.clone_for_deployment(str(folder / "deployed")))  # without what only training needs
size = sum(file.stat().st_size for file in deployed.rglob("*") if file.is_file())
told = {"fit_s": fit_s, "bytes": size, "model": predictor.model_best}
(folder / "told.json").write_text(json.dumps(told), encoding="utf-8")
