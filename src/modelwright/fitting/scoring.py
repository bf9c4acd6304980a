"""Metrics of what a graph predicted, as points and with intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from modelwright.core.columns import Schema
from modelwright.core.errors import DataError, SpecError
from modelwright.core.outputs import Output
from modelwright.graph.builder import GraphBuilder
from modelwright.graph.running import Scorer
from modelwright.parts import catalog
from modelwright.parts.base import Metric, Task
from modelwright.parts.bootstrap import Interval, Score, interval
from modelwright.parts.classes import positive_code
from modelwright.parts.folding import groups_of
from modelwright.parts.one_thread import one_thread
from modelwright.parts.predictions import Predictions, mean_of_rows

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


def of_graph(task: Task, schema: Schema, table: pa.Table, outputs: Mapping[str, Any]) -> Predictions:
    """Predictions from what a compiled graph answered for the rows of `table`; labels are those that it gave."""
    found = of_scores(task, schema, table, task.scores_of(outputs), outputs.get("features"))
    if not task.classification:
        return found
    return relabelled(found, task.encode(pa.array(outputs["prediction"]), schema), task, schema)


def relabelled(found: Predictions, codes: Floats, task: Task, schema: Schema) -> Predictions:
    """With the labels that a rule gave, as codes [N] in the order of `schema.classes`."""
    swapped = len(schema.classes or ()) == 2 and positive_code(task, schema) == 0
    return replace(found, label=1 - codes if swapped else codes)


def of_scores(
    task: Task, schema: Schema, table: pa.Table, scores: Floats, features: Floats | None = None
) -> Predictions:
    """Predictions from a model's scores for the rows of `table`; see `parts.task` for what those are."""
    found = task.predictions(task.truth(table, schema), scores, features, schema)
    return replace(found, weights=_of_known(found.truth, weights_of(table, schema)), groups=groups_of(table, schema))


def _of_known(truth: Floats, weights: Floats | None) -> Floats | None:
    """Rows whose truth nobody knows don't count."""
    unknown = np.isnan(truth).reshape(len(truth), -1).any(axis=1)
    if not unknown.any():
        return weights
    return np.where(unknown, 0.0, 1.0 if weights is None else weights)


def truth_columns(rows: pa.Table, task: Task) -> dict[str, pa.ChunkedArray]:
    """`truth`, or `truth_<target>` of several targets; nothing where nothing is known."""
    several = len(task.targets) > 1
    return {f"truth_{name}" if several else "truth": rows.column(name) for name in task.targets}


def columns_of(outputs: Mapping[str, Any], answers: Iterable[Output]) -> dict[str, pa.Array]:
    """What a graph answered, column by column, as files have it."""
    found: dict[str, pa.Array] = {}
    for answer in answers:
        values = outputs[answer.name]
        parts = [values] if answer.labels is None else values.T
        found |= {name: pa.array(np.ascontiguousarray(part)) for name, part in zip(answer.columns, parts, strict=True)}
    return found


def answered(
    task: Task, schema: Schema, scores: Floats, publish: Callable[[GraphBuilder, str, Schema], None]
) -> dict[str, pa.Array]:
    """A model's scores as the columns that the graph would answer; `publish` declares its outputs."""
    graph = GraphBuilder()
    given = graph.input("scores", "number") if scores.ndim == 1 else graph.matrix_input("scores", scores.shape[1])
    publish(graph, given, schema)
    scorer = Scorer(graph.build())
    outputs = scorer.run_columns(lambda start, size: {"scores": scores[start : start + size]}, len(scores))
    return columns_of(outputs, task.outputs(schema, scorer.widths))


def score_function(metric: Metric, predictions: Predictions) -> Score:
    """Of several targets, the mean of their scores, unless the metric takes all at once."""
    if predictions.targets and not metric.whole:
        parts = [score_function(metric, predictions.of_target(at)) for at in range(len(predictions.targets))]
        return lambda weights: np.mean([part(weights) for part in parts], axis=0)
    predicted = predictions.needed_by(metric)
    values = metric.of_rows(predictions.truth, predicted)
    if values is not None:
        return lambda weights: mean_of_rows(values, weights)
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
    return metrics_named([*names, *(name for name in task.metrics() if name not in names)], task)


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
    return tuple(metric.made_for(task.kind).asked_of(task) for metric in metrics)


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
