"""What a train run wrote down that its model said of rows it was not fitted on, as metrics want it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from modelwright.core.columns import ROW_DIGEST, Schema
from modelwright.fitting import scoring
from modelwright.parts.bootstrap import Interval, interval
from modelwright.parts.folding import row_digests

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from modelwright.parts.base import Metric, Task
    from modelwright.parts.predictions import Predictions
    from modelwright.runs.store import Run

CONFIDENCE = 0.95
DRAWN_CELLS = 20_000_000  # resamples × rows: over many rows fewer resamples say as much
FEWEST_RESAMPLES, MOST_RESAMPLES = 40, 1000
SEED = 0  # of the drawn rows: the same for all runs, and for every look at them


def recorded(task: Task, train: Run, prepare: Run) -> tuple[NDArray[np.int64], Predictions] | None:
    """Digests [N] of the rows that `train` was judged by, and what was said of them.

    None where metrics want the features too, or the rows are no longer those of `prepare`. ArtifactError: damaged.
    """
    if task.in_feature_space:
        return None
    schema = Schema.from_dict(prepare.read_json("schema.json"))
    written = pq.read_table(train.file("predictions.parquet"))
    rows = _rows(task, schema, prepare, row_digests(written))
    if rows is None:
        return None
    return row_digests(rows), scoring.of_graph(task, schema, rows, _outputs(task, schema, written))


def _rows(task: Task, schema: Schema, prepare: Run, digests: NDArray[np.int64]) -> pa.Table | None:
    """Truth, weight and group of the rows, in the order in which they were predicted."""
    wanted = {ROW_DIGEST, *task.targets, schema.group, *(column.name for column in schema.of_role("weight"))}
    validation = _read(prepare, "validation.parquet", wanted)
    if np.array_equal(row_digests(validation), digests):
        return validation
    pool = pa.concat_tables([_read(prepare, "learn.parquet", wanted), validation])
    predicted = pool.filter(pc.is_in(pool[ROW_DIGEST], pa.array(np.unique(digests))))
    return predicted if np.array_equal(row_digests(predicted), digests) else None


def _read(prepare: Run, name: str, wanted: set[str | None]) -> pa.Table:
    file = prepare.file(name)
    return pq.read_table(file, columns=[column for column in pq.read_schema(file).names if column in wanted])


def _outputs(task: Task, schema: Schema, written: pa.Table) -> Mapping[str, Any]:
    """The graph's outputs again, from their columns; `scoring.columns_of` made those."""
    found = {}
    for answer in task.outputs(schema, {}):
        columns = [written[name].to_numpy() for name in answer.columns]
        found[answer.name] = columns[0] if answer.labels is None else np.stack(columns, axis=1)
    return found


def score_of(metric: Metric, said: Predictions) -> Interval:
    return scoring.score_interval(metric, said, resamples=_resamples(len(said)), confidence=CONFIDENCE, seed=SEED)


def behind(metric: Metric, said: Predictions, best: Predictions) -> Interval:
    """By how much `best` is better on the same rows, both on the same resamples: above 0 where it is."""
    sign = 1.0 if metric.direction == "higher" else -1.0
    first, other = scoring.score_function(metric, best), scoring.score_function(metric, said)
    return interval(
        lambda weights: sign * (first(weights) - other(weights)),
        len(best),
        weights=best.weights,
        groups=best.groups,
        resamples=_resamples(len(best)),
        confidence=CONFIDENCE,
        seed=SEED,
    )


def _resamples(rows: int) -> int:
    return int(np.clip(DRAWN_CELLS // max(rows, 1), FEWEST_RESAMPLES, MOST_RESAMPLES))
