"""Metrics of what a graph predicted, as points and with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from modelwright.core.columns import Schema
from modelwright.core.errors import DataError, SpecError
from modelwright.parts import catalog
from modelwright.parts.base import Metric, Task
from modelwright.parts.bootstrap import Interval, Score, interval
from modelwright.parts.folding import groups_of
from modelwright.parts.one_thread import one_thread
from modelwright.parts.predictions import Predictions

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


def scores_of(outputs: Mapping[str, Any]) -> Floats:
    """Probabilities [N, K] or values [N] among a graph's outputs."""
    found: Floats = outputs["probability"] if "probability" in outputs else outputs["prediction"]
    return found


def of_scores(task: Task, schema: Schema, table: pa.Table, scores: Floats) -> Predictions:
    """Predictions from a model's scores (probabilities [N, K] or values [N]) for the rows of `table`."""
    truth = task.encode(table.column(task.target).combine_chunks(), schema)
    weights, groups = weights_of(table, schema), groups_of(table, schema)
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
    with one_thread():
        return float(score_function(metric, predictions)(weights[None, :])[0])


def finite_score(metric: Metric, predictions: Predictions) -> float:
    """The score that a choice stands on. DataError where it is undefined, such as roc_auc on rows of one class."""
    score = point_score(metric, predictions)
    if not np.isfinite(score):
        raise DataError(
            f"{metric.kind} is undefined on the {len(predictions):,} rows that choose",
            hint="they may hold one class only; give the split a larger validation share, or use kfold",
        )
    return score


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
    return tuple(metric.made_for(task.kind) for metric in metrics)


def weights_of(table: pa.Table, schema: Schema) -> Floats | None:
    """[N] of the column of role weight; None where there is none, or new rows come without it."""
    columns = [column.name for column in schema.of_role("weight") if column.name in table.column_names]
    if not columns:
        return None
    weights: Floats = table.column(columns[0]).cast(pa.float64()).to_numpy()
    if np.isnan(weights).all():
        return None
    if not (weights >= 0).all():
        raise DataError(f'"{columns[0]}" is the weight, and missing or negative in {int((~(weights >= 0)).sum())} rows')
    return weights
