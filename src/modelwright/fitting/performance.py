"""How well served predictions did, once their labels are known, beside what evaluate promised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.core.columns import Schema
from modelwright.fitting import scoring
from modelwright.fitting.decisions import Decision
from modelwright.parts.base import Metric, Task

FEWEST_LABELS = 30


def measured(
    rows: pa.Table,
    scores: Any,
    scored: Any,
    truth: pa.Table | None,
    *,
    schema: Schema,
    task: Task,
    metrics: Sequence[Metric] | None,
    reference: Mapping[str, Any],
    resamples: int,
    confidence: float,
    seed: int,
    decision: Decision | None = None,
) -> dict[str, Any]:
    """Per metric the interval now, that of evaluate, and quiet or alert; `why` where nothing could be measured.

    Alert: worse than at evaluation, and the two intervals do not touch.
    """
    counted = {"metrics": {}, "labelled": 0, "rows": rows.num_rows, "why": ""}
    if truth is None:
        return {**counted, "why": "No labels are configured (monitor.labels), so performance can't be measured."}
    if task.in_feature_space:
        return {**counted, "why": f"{task.kind} has no truth to be known later; drift says what changed."}
    known = np.logical_and.reduce([np.asarray(truth[name].is_valid()) for name in truth.column_names]) & scored
    counted["labelled"] = int(known.sum())
    if known.sum() < FEWEST_LABELS:
        why = f"{int(known.sum())} labels have arrived; at least {FEWEST_LABELS} are needed to measure performance."
        return {**counted, "why": why}
    labelled = rows.filter(pa.array(known))
    for name in truth.column_names:
        if name in labelled.column_names:
            labelled = labelled.drop_columns(name)
        labelled = labelled.append_column(name, truth[name].filter(pa.array(known)))
    said = scores[known[scored]]
    predictions = scoring.of_scores(task, schema, labelled, said)
    if decision is not None:
        predictions = scoring.relabelled(predictions, decision.codes(said), task, schema)
    parts = scoring.checked_metrics(metrics, task) if metrics else scoring.default_metrics(task)
    found = {}
    for metric in parts:
        now = scoring.score_interval(
            metric, predictions, resamples=resamples, confidence=confidence, seed=seed
        ).to_dict()
        before = reference.get(metric.kind)
        found[metric.kind] = {"current": now, "reference": before, "status": _status(metric, now, before)}
    return {**counted, "metrics": found}


def _status(metric: Metric, now: Mapping[str, float], before: Mapping[str, float] | None) -> str:
    if before is None or None in before.values():  # not measured then, or undefined on those rows
        return "quiet"
    worse = now["high"] < before["low"] if metric.direction == "higher" else now["low"] > before["high"]
    return "alert" if worse else "quiet"
