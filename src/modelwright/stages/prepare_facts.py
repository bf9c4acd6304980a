"""What the report of prepare shows, as a plain dict.

name, task, split         as the spec says them; classes of the target, or None
files                     names of the files read
rows                      read, rejected, removed: [{step, removed}], learn, validation, test
columns                   [{name, type, role, nullable, missing, distinct, minimum, maximum, histogram, top}] on learn,
                          histogram: {edges: [n + 1], counts: [n]} of numbers and timestamps (seconds since 1970),
                          top: [[value, count]] of categories, most frequent first; both None of other types
checks                    [{kind, severity, said, violations, passed}]
rejects                   the first refused rows: [{file, line, column, value, reason}]
insights                  what stages.prepare_insights found
selections                of steps that select: [{step, kept: [names], dropped: {name: score}}]
features, notes, warnings names of the features; what was left out and why; what a person should look at
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from modelwright.core.columns import Column, Schema
from modelwright.tables.profiles import Profile, of_sorted, quantiles, reference, sorted_numbers, value_counts

if TYPE_CHECKING:
    from modelwright.fitting.features import FittedFeatures
    from modelwright.parts.base import Split
    from modelwright.stages.job import Job
    from modelwright.stages.prepared_rows import PreparedRows

BINS = 20
MOST_WHOLE = 32  # bins of whole numbers
TOP = 10
SORTED = ("number", "integer", "timestamp")
PROFILED = ("input", "target")


def report_facts(
    job: Job,
    split: Split,
    rows: PreparedRows,
    schema: Schema,
    columns: Sequence[Mapping[str, Any]],
    features: FittedFeatures,
    warnings: Sequence[str],
    refused: Sequence[tuple[Any, ...]],
) -> dict[str, Any]:
    return {
        "name": job.spec.name,
        "task": job.spec.task.model_dump(mode="json"),
        "classes": None if schema.classes is None else list(schema.classes),
        "split": split.model_dump(mode="json"),
        "files": list(rows.files),
        "rows": {"read": rows.read, "rejected": rows.rejected, "removed": rows.removed, **rows.splits},
        "columns": list(columns),
        "checks": rows.checks,
        "rejects": [dict(zip(("file", "line", "column", "value", "reason"), row, strict=True)) for row in refused],
        "features": [feature.name for feature in features.features],
        "notes": list(features.notes),
        "selections": [dict(selection) for selection in features.selections],
        "warnings": list(warnings),
    }


def look(
    learn: pq.ParquetFile, schema: Schema, figures: Mapping[str, Mapping[str, Any]]
) -> tuple[Profile, list[dict[str, Any]]]:
    """The profile of learn, and what the report shows of its columns: each is read, and sorted, once."""
    counted, shown = [], []
    for column in schema.columns:
        facts = {**figures[column.name], "histogram": None, "top": None}
        if column.type in SORTED:
            present, missing = sorted_numbers(learn, column)
            facts["distinct"] = int((np.diff(present) != 0).sum()) + bool(len(present))
            facts["histogram"] = histogram(present, whole=column.type == "integer")
            counts = of_sorted(column, present, missing)
        elif column.type in ("category", "boolean"):
            found = value_counts(learn, column.name)
            facts["distinct"] = len(found) - (None in found)
            facts["top"] = _top(found)
        if column.role in PROFILED:
            counted.append(counts if column.type in SORTED else reference(learn, column))
        shown.append(_column(column, facts))
    return Profile(learn.metadata.num_rows, tuple(counted)), shown


def _column(column: Column, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.type,
        "role": column.role,
        "nullable": column.nullable,
        "missing": facts["missing"],
        "distinct": facts["distinct"],
        **{name: None if facts[name] is None else _plain(facts[name]) for name in ("minimum", "maximum")},
        "histogram": facts["histogram"],
        "top": facts["top"],
    }


def _plain(value: Any) -> Any:
    return value.isoformat(sep=" ") if hasattr(value, "isoformat") else value


def histogram(present: NDArray[np.float64], *, whole: bool) -> dict[str, list[float]] | None:
    """Bins of equal width between the 1st and the 99th percentile of sorted values, where nearly all of them are.

    Whole numbers get bins of equally many whole numbers each: others would show peaks that are not there.
    """
    if present.size == 0:
        return None
    low, high = quantiles(present, [0.01, 0.99])
    inside = present[np.searchsorted(present, low) : np.searchsorted(present, high, side="right")]
    if whole:
        width = -(-(high - low + 1) // MOST_WHOLE)
        bins: Any = np.arange(low - 0.5, high + width, width)
    else:
        bins = BINS if high > low else 1
    counts, edges = np.histogram(inside, bins=bins)
    return {"edges": edges.tolist(), "counts": counts.tolist()}


def _top(found: Mapping[Any, int]) -> list[list[Any]]:
    counts = [(str(value), size) for value, size in found.items() if value is not None]
    return [list(pair) for pair in sorted(counts, key=lambda pair: (-pair[1], pair[0]))[:TOP]]
