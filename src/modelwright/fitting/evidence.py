"""What the test rows say of a model, alone and beside its rival: the figures that gates and reports stand on."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.columns import NUMERIC, ROW_DIGEST, Schema
from modelwright.core.errors import DataError, SpecError
from modelwright.core.names import did_you_mean
from modelwright.core.outputs import Output
from modelwright.core.seeds import child_seed
from modelwright.fitting import scoring
from modelwright.fitting.rivals import FittedRows, Rival, unseen
from modelwright.graph.running import Scorer
from modelwright.parts.base import Metric, Task
from modelwright.parts.bootstrap import Interval, interval
from modelwright.parts.evidence import Comparison
from modelwright.parts.folding import row_digests
from modelwright.parts.predictions import Predictions

FEWEST_IN_SLICE = 30  # fewer rows say nothing about a slice
MOST_VALUES = 12  # of a sliced column; the rest is shown as one
FEWEST_ROWS = 10


@dataclass(frozen=True)
class ModelEvidence:
    """Keeps every interval and comparison that was asked for, so that reports show what gates decided on."""

    predictions: Predictions
    outputs: Mapping[str, Any]  # what the graph answered
    answers: tuple[Output, ...]  # what of that is told, and how it is called
    digests: Any  # int64 [N]
    told_apart_by: Sequence[str]  # columns that the digests are made of
    fitted: FittedRows | None
    metrics: tuple[Metric, ...]
    task: Task
    schema: Schema
    rivals: Mapping[str, tuple[Rival, Predictions | str]]  # by alias, with what they say of the rows
    resamples: int
    confidence: float
    seed: int
    asked: dict[str, Interval] = field(default_factory=dict)
    compared: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of_model(
        cls,
        model: bytes,
        table: pa.Table,
        schema: Schema,
        task: Task,
        metrics: tuple[Metric, ...],
        *,
        told_apart_by: Sequence[str],
        fitted: FittedRows | None,
        rivals: Mapping[str, Rival],
        resamples: int,
        confidence: float,
        seed: int,
    ) -> ModelEvidence:
        if table.num_rows < FEWEST_ROWS:
            raise DataError(
                f"{table.num_rows} rows to evaluate on; at least {FEWEST_ROWS} are needed for an interval",
                hint="give the split a larger test share, or more data",
            )
        scorer = Scorer(model)
        outputs = scorer.run_table(table)
        predictions = scoring.of_graph(task, schema, table, outputs)
        others = {alias: (rival, rival.predictions(table, schema, task)) for alias, rival in rivals.items()}
        return cls(
            predictions,
            outputs,
            task.outputs(schema, scorer.widths),
            row_digests(table),
            told_apart_by,
            fitted,
            metrics,
            task,
            schema,
            others,
            resamples,
            confidence,
            seed,
        )

    def interval(self, metric: str) -> Interval:
        if metric not in self.asked:
            self.asked[metric] = scoring.score_interval(
                self._metric(metric),
                self.predictions,
                resamples=self.resamples,
                confidence=self.confidence,
                seed=child_seed(self.seed, "bootstrap"),
            )
        return self.asked[metric]

    def direction(self, metric: str) -> str:
        return self._metric(metric).direction

    def compare(self, model: str, metric: str, confidence: float) -> Comparison | str | None:
        if model not in self.rivals:
            return None
        rival, other = self.rivals[model]
        if isinstance(other, str):
            return other
        models = (("this model", self.fitted), (rival.label, rival.fitted))
        common = unseen(self.digests, self.told_apart_by, models)
        if isinstance(common, str):
            return common
        rows = int(common.sum())
        if rows < FEWEST_ROWS:
            return f"{rows} of {len(self.digests)} test rows are unseen by both models"
        part = self._metric(metric)
        mine, theirs = self.predictions.take(common), other.take(common)
        sign = 1.0 if part.direction == "higher" else -1.0
        ours, their = scoring.score_function(part, mine), scoring.score_function(part, theirs)
        gain = interval(
            lambda weights: sign * (ours(weights) - their(weights)),
            rows,
            weights=mine.weights,
            groups=mine.groups,
            resamples=self.resamples,
            confidence=2 * confidence - 1,  # one-sided: the lower end is what counts
            seed=child_seed(self.seed, "paired"),
        )
        found = Comparison(metric, scoring.point_score(part, mine), scoring.point_score(part, theirs), gain, rows)
        self.compared[f"{model} {metric}"] = {
            "model": rival.label,
            "alias": model,
            "metric": metric,
            "score": found.score,
            "other_score": found.other_score,
            "improvement": {**gain.to_dict(), "one_sided_confidence": confidence},
            "rows": rows,
            "excluded_rows": len(self.digests) - rows,
        }
        return found

    def comparisons(self) -> list[dict[str, Any]]:
        """Every metric against every rival, those that no gate asked for included."""
        for model in self.rivals:
            for metric in self.metrics:
                if f"{model} {metric.kind}" not in self.compared:
                    self.compare(model, metric.kind, self.confidence)
        return [self.compared[key] for key in sorted(self.compared)]

    def slices(self, columns: Sequence[str], table: pa.Table) -> list[dict[str, Any]]:
        """The metrics on the rows of each value of each column; numbers in quarters."""
        found = []
        for name in columns:
            for value, mask in _values(table, self.schema, name):
                rows = int(mask.sum())
                entry: dict[str, Any] = {"column": name, "value": value, "rows": rows, "metrics": None}
                if rows >= FEWEST_IN_SLICE:
                    part = self.predictions.take(mask)
                    entry["metrics"] = {
                        metric.kind: scoring.score_interval(
                            metric,
                            part,
                            resamples=min(self.resamples, 300),
                            confidence=self.confidence,
                            seed=child_seed(self.seed, "slice", name, value),
                        ).to_dict()
                        for metric in self.metrics
                    }
                found.append(entry)
        return found

    def table(self, rows: pa.Table, schema: Schema) -> pa.Table:
        """predictions.parquet: who the row is, what is true, what the graph answered."""
        kept = [ROW_DIGEST, *(column.name for column in schema.of_role("id", "time", "entity"))]
        columns = {name: rows.column(name) for name in kept if name in rows.column_names}
        columns |= scoring.truth_columns(rows, self.task)
        return pa.table(columns | scoring.columns_of(self.outputs, self.answers))

    def _metric(self, name: str) -> Metric:
        found = next((metric for metric in self.metrics if metric.kind == name), None)
        return found or scoring.metrics_named([name], self.task)[0]


def _values(table: pa.Table, schema: Schema, name: str) -> list[tuple[str, Any]]:
    """The values of a sliced column with their row masks, missing as a value of its own."""
    if name not in table.column_names or name not in schema:
        raise SpecError(f"evaluate.slices: no column {name!r}{did_you_mean(name, schema.names)}")
    column = table.column(name).combine_chunks()
    missing = np.asarray(column.is_null())
    if schema[name].type in NUMERIC and schema[name].type != "boolean" and len(pc.unique(column)) > MOST_VALUES:
        numbers = np.asarray(column.cast(pa.float64()).fill_null(np.nan))
        found = _quarters(numbers)
    else:
        text = column.cast(pa.string())
        counts = sorted(text.value_counts().to_pylist(), key=lambda item: (-item["counts"], str(item["values"])))
        top = [item["values"] for item in counts if item["values"] is not None][:MOST_VALUES]
        found = [(value, np.asarray(pc.equal(text, value).fill_null(False))) for value in top]
        if len(counts) - bool(missing.any()) > MOST_VALUES:
            rest = ~missing & ~np.logical_or.reduce([mask for _, mask in found])
            found.append(("(other)", rest))
    return [*found, ("(missing)", missing)] if missing.any() else found


def _quarters(numbers: Any) -> list[tuple[str, Any]]:
    edges = np.unique(np.nanquantile(numbers, [0, 0.25, 0.5, 0.75, 1]))
    pairs = list(itertools.pairwise(edges))
    return [
        (
            f"{low:.4g} to {high:.4g}",
            (numbers >= low) & ((numbers <= high) if place == len(pairs) - 1 else (numbers < high)),
        )
        for place, (low, high) in enumerate(pairs)
    ]
