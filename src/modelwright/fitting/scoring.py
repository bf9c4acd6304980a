"""Metrics of what a graph predicted, as points and with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from modelwright.core.columns import ROW_DIGEST, Schema
from modelwright.core.errors import SpecError
from modelwright.parts import catalog
from modelwright.parts.base import Metric, Task
from modelwright.parts.bootstrap import Interval, Score, interval
from modelwright.parts.predictions import Predictions

if TYPE_CHECKING:
    from modelwright.parts.base import Floats


def of_scores(task: Task, schema: Schema, table: pa.Table, scores: Floats, *, grouped: bool = True) -> Predictions:
    """Predictions from a model's scores (probabilities [N, K] or values [N]) for the rows of `table`."""
    truth = task.encode(table.column(task.target).combine_chunks(), schema)
    weights = _role(table, schema, "weight")
    groups = _role(table, schema, "entity") if grouped else None
    if not task.classification:
        return Predictions(truth, None, None, scores, weights, groups)
    if positive_first(task, schema):
        truth, scores = 1 - truth, scores[:, ::-1]
        label = (scores[:, 1] >= scores[:, 0]).astype(np.float64)  # ties go to the first class, as in the graph
    else:
        label = np.argmax(scores, axis=1).astype(np.float64)
    return Predictions(truth, label, scores, None, weights, groups)


def positive_first(task: Task, schema: Schema) -> bool:
    """Whether `task.positive` names the first of two classes, so that codes must be swapped for metrics."""
    positive = getattr(task, "positive", None)
    return positive is not None and schema.classes is not None and schema.classes[0] == positive


def score_function(metric: Metric, predictions: Predictions) -> Score:
    predicted = predictions.needed_by(metric)
    return lambda weights: metric.score(predictions.truth, predicted, weights)


def point_score(metric: Metric, predictions: Predictions) -> float:
    weights = np.ones(len(predictions)) if predictions.weights is None else predictions.weights
    return float(score_function(metric, predictions)(weights[None, :])[0])


def score_interval(
    metric: Metric, predictions: Predictions, *, resamples: int, confidence: float, seed: int
) -> Interval:
    return interval(
        score_function(metric, predictions),
        len(predictions),
        weights=predictions.weights,
        groups=predictions.groups,
        resamples=resamples,
        confidence=confidence,
        seed=seed,
    )


def default_metrics(task: Task) -> tuple[Metric, ...]:
    """The task's own metrics; the first (or `task.metric`) is the one that decides."""
    names = [task.metric] if task.metric else []
    return metrics_named([*names, *(name for name in task.default_metrics if name not in names)], task)


def deciding_metric(task: Task) -> Metric:
    return default_metrics(task)[0]


def metrics_named(names: Iterable[str], task: Task) -> tuple[Metric, ...]:
    return checked_metrics([catalog.load("metrics", name)() for name in names], task)  # type: ignore[call-arg]  # a metric's kind has a default


def checked_metrics(metrics: Sequence[Any], task: Task) -> tuple[Metric, ...]:
    """SpecError when a metric is not made for the task."""
    for metric in metrics:
        if task.kind not in metric.tasks:
            able = ", ".join(sorted(metric.tasks))
            raise SpecError(f"metric {metric.kind} is made for {able}, not for {task.kind}")
    return tuple(metrics)


def row_digests(table: pa.Table) -> NDArray[np.int64]:
    return np.asarray(table.column(ROW_DIGEST).to_numpy(), dtype=np.int64)


def _role(table: pa.Table, schema: Schema, role: Any) -> NDArray[Any] | None:
    columns = schema.of_role(role)
    if not columns or columns[0].name not in table.column_names:
        return None
    values = table.column(columns[0].name).combine_chunks()
    if role == "weight":
        return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False))
    codes = np.asarray(values.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
    alone = codes < 0  # rows without an entity are nobody's repeat
    codes[alone] = codes.max(initial=0) + 1 + np.arange(alone.sum())
    return codes
