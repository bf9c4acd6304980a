"""What evaluate tells of a task beside its metrics: which clusters there are, which rows are strangest, each target.

`details.json`, by task:
clustering           {clusters: [{number, rows, share, marks}], map}
dimension_reduction  {components: [{number, share, goes_with}], map}
anomaly              {threshold, flagged, histogram, strangest: [{score, row, marks}]}
several targets      {targets: {name: {metric: interval}}}

`marks` are the columns in which some rows differ most from all: [{column, value, usual, apart, share}]; of a category
`share` is true, and the values are shares of its most frequent one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.columns import NUMERIC, Schema
from modelwright.core.seeds import child_seed
from modelwright.fitting import scoring
from modelwright.parts.clusters import NOISE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from modelwright.fitting.evidence import ModelEvidence

MOST_POINTS = 1500  # of a map
MOST_MARKS = 3
STRANGEST = 10
BINS = 40
FEWEST_APART = 0.5  # standard deviations that are worth a word
RESAMPLES = 300


def details(evidence: ModelEvidence, table: pa.Table, model: Mapping[str, Any]) -> dict[str, Any] | None:
    """None for tasks whose metrics say it all."""
    kind = evidence.task.kind
    if kind == "clustering":
        return _clusters(evidence, table)
    if kind == "dimension_reduction":
        return _components(evidence, table, model)
    if kind == "anomaly":
        return _anomalies(evidence, table, model)
    return _targets(evidence) if evidence.predictions.targets else None


def _clusters(evidence: ModelEvidence, table: pa.Table) -> dict[str, Any]:
    labels, columns = evidence.outputs["cluster"], _Columns(table, evidence.schema)
    found = []
    for number in np.unique(labels).tolist():
        rows = labels == number
        marks = columns.marks(rows) if number != NOISE else []
        found.append({"number": number, "rows": int(rows.sum()), "share": float(rows.mean()), "marks": marks})
    points = evidence.predictions.truth
    names = ["none" if number == NOISE else str(number) for number in labels.tolist()]
    return {"clusters": found, "map": _map(_plane(points), names)}


def _plane(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """[N, 2]: where rows are in the plane that keeps most of their distances."""
    apart = points - points.mean(axis=0)
    vectors = np.linalg.eigh(apart.T @ apart)[1][:, ::-1][:, :2]
    vectors = vectors * np.where(vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])] < 0, -1, 1)
    found = apart @ vectors
    return found if found.shape[1] == 2 else np.column_stack([found, np.zeros(len(found))])


def _map(plane: NDArray[np.float64], names: list[str]) -> list[dict[str, Any]]:
    step = max(1, -(-len(plane) // MOST_POINTS))
    return [
        {"x": float(x), "y": float(y), "name": name} for (x, y), name in zip(plane[::step], names[::step], strict=True)
    ]


def _components(evidence: ModelEvidence, table: pa.Table, model: Mapping[str, Any]) -> dict[str, Any]:
    values, notes = evidence.outputs["component"], model["notes"]
    shares = notes.get("explained_variance") or notes.get("share_of_squares") or []
    columns = _Columns(table, evidence.schema)
    found = [
        {
            "number": at + 1,
            "share": shares[at] if at < len(shares) else None,
            "goes_with": columns.correlations(values[:, at]),
        }
        for at in range(values.shape[1])
    ]
    plane = values[:, :2] if values.shape[1] > 1 else np.column_stack([values[:, 0], np.zeros(len(values))])
    return {"components": found, "map": _map(plane, ["row"] * len(values))}


def _anomalies(evidence: ModelEvidence, table: pa.Table, model: Mapping[str, Any]) -> dict[str, Any]:
    scores, truth = evidence.outputs["anomaly_score"], evidence.predictions.truth
    finite = scores[np.isfinite(scores)]
    edges = np.histogram_bin_edges(np.clip(finite, *np.quantile(finite, [0, 0.995])), BINS)
    groups = {"all rows": finite}
    if truth.ndim == 1:
        groups = {"anomalies": scores[truth == 1], "other rows": scores[truth == 0]}
    columns, schema = _Columns(table, evidence.schema), evidence.schema
    who = [column.name for column in schema.of_role("id", "time", "entity") if column.name in table.column_names]
    strangest = []
    for at in np.argsort(-scores, kind="stable")[:STRANGEST].tolist():
        row = {name: str(table[name][at].as_py()) for name in who}
        known = None if truth.ndim > 1 or np.isnan(truth[at]) else bool(truth[at])
        one = np.arange(len(scores)) == at
        entry = {"score": float(scores[at]), "flagged": bool(evidence.outputs["is_anomaly"][at])}
        strangest.append({**entry, "row": row, "place": at, "known": known, "marks": columns.marks(one)})
    return {
        "threshold": model["notes"].get("threshold"),
        "flagged": int(evidence.outputs["is_anomaly"].sum()),
        "rows": len(scores),
        "known": None if truth.ndim > 1 else int(np.nansum(truth)),
        "histogram": {
            "edges": edges.tolist(),
            "counts": {name: np.histogram(part, edges)[0].tolist() for name, part in groups.items()},
        },
        "strangest": strangest,
    }


def _targets(evidence: ModelEvidence) -> dict[str, Any]:
    said = evidence.predictions
    parts = [metric for metric in evidence.metrics if not metric.whole]
    found = {}
    for at, name in enumerate(said.targets):
        alone = said.of_target(at)
        found[name] = {
            metric.kind: scoring.score_interval(
                metric,
                alone,
                resamples=min(evidence.resamples, RESAMPLES),
                confidence=evidence.confidence,
                seed=child_seed(evidence.seed, "target", name),
            ).to_dict()
            for metric in parts
        }
    return {"targets": found, "directions": {metric.kind: metric.direction for metric in parts}}


class _Columns:
    """The numeric and category inputs, to say how some rows differ from all."""

    def __init__(self, table: pa.Table, schema: Schema) -> None:
        inputs = [column for column in schema.of_role("input") if column.name in table.column_names]
        self.numbers: dict[str, NDArray[np.float64]] = {}
        self.words: dict[str, list[Any]] = {}
        for column in inputs:
            values = table[column.name].combine_chunks()
            if column.type in NUMERIC:
                self.numbers[column.name] = np.asarray(values.cast(pa.float64()).fill_null(np.nan))
            elif column.type == "category":
                self.words[column.name] = pc.fill_null(values.cast(pa.string()), "(missing)").to_pylist()

    def marks(self, rows: NDArray[np.bool_]) -> list[dict[str, Any]]:
        """Where the rows differ most, by standard deviations of the column."""
        found: list[dict[str, Any]] = []
        for name, values in self.numbers.items():
            own, spread = values[rows], np.nanstd(values) if not np.isnan(values).all() else 0.0
            if spread > 0 and not np.isnan(own).all():
                usual, mean = float(np.nanmean(values)), float(np.nanmean(own))
                apart = (mean - usual) / float(spread)
                found.append({"column": name, "value": mean, "usual": usual, "apart": apart, "share": False})
        for name, words in self.words.items():
            inside = [word for word, taken in zip(words, rows.tolist(), strict=True) if taken]
            word = max(sorted(set(inside)), key=inside.count)
            share, usual = inside.count(word) / len(inside), words.count(word) / len(words)
            if 0 < usual < 1:
                apart = (share - usual) / (usual * (1 - usual)) ** 0.5
                found.append(
                    {"column": f"{name} = {word}", "value": share, "usual": usual, "apart": apart, "share": True}
                )
        ranked = sorted(found, key=lambda mark: (-abs(mark["apart"]), mark["column"]))
        return [mark for mark in ranked[:MOST_MARKS] if abs(mark["apart"]) >= FEWEST_APART]

    def correlations(self, values: NDArray[np.float64]) -> list[dict[str, Any]]:
        """The numeric columns that go with some numbers most."""
        found: list[dict[str, Any]] = []
        for name, column in self.numbers.items():
            known = ~np.isnan(column)
            if known.sum() > 2 and np.std(column[known]) > 0 and np.std(values[known]) > 0:
                found.append({"column": name, "correlation": float(np.corrcoef(column[known], values[known])[0, 1])})
        return sorted(found, key=lambda entry: (-abs(entry["correlation"]), entry["column"]))[:MOST_MARKS]
