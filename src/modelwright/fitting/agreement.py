"""Shows that the compiled graph says what the native model says, on real rows made worse, at several batch sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from modelwright.graph import encoders, parity
from modelwright.graph.running import Scorer

if TYPE_CHECKING:
    from modelwright.fitting.features import FittedFeatures
    from modelwright.parts.base import Task
    from modelwright.parts.samples import Fitted

MOST_ROWS = 1000
BATCHED_ROWS = 512  # at each batch size: one row at a time, a large ensemble takes milliseconds for each
UNSEEN = "\u2047 unseen"
TOLERANCE = 1e-9  # of the largest prediction


def agreement(model: bytes, features: FittedFeatures, fitted: Fitted, task: Task, table: pa.Table) -> dict[str, Any]:
    """`parity.json`. RuntimeError when they differ by more than rounding: that is a bug, not bad data."""
    scorer = Scorer(model)
    real = encoders.feed(scorer.inputs, table.slice(0, MOST_ROWS))
    rows = {name: np.concatenate([values, _worse(values, at)]) for at, (name, values) in enumerate(real.items())}
    native = fitted.predict(Scorer(features.model).run(rows)["features"])
    whole = scorer.run(rows)
    shown = task.scores_of(whole)
    gap = parity.difference(native, shown)
    sizes = parity.over_batch_sizes(scorer, rows, most_rows=BATCHED_ROWS)
    if not gap <= TOLERANCE * (1 + float(np.abs(native).max())):
        raise RuntimeError(f"the graph differs from the fitted model by {gap:g}")
    return {
        "rows": len(native),
        "of_which": "half as they are, half with missing values and unseen categories",
        "graph_to_native": gap,
        "batch_sizes": sizes,
        "largest": max([gap, *(value for size in sizes.values() for value in size.values())]),
    }


def _worse(values: NDArray[Any], column: int) -> NDArray[Any]:
    """Some rows missing, some never seen; which ones differs from column to column."""
    rows = (np.arange(len(values)) * 7 + column * 3) % 11
    changed = values.copy()
    if values.dtype == object:
        changed[rows == 0], changed[rows == 5] = encoders.MISSING_TEXT, UNSEEN
    elif values.dtype == np.int64:
        changed[rows == 0] = encoders.NO_TIME
    else:
        changed[rows == 0] = np.nan
        changed[rows == 5] = values[rows == 5] * 10 + 1
    return changed
