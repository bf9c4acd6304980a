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
features, notes, warnings names of the features; what was left out and why; what a person should look at
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.columns import Column, Schema

if TYPE_CHECKING:
    from modelwright.fitting.features import FittedFeatures
    from modelwright.parts.base import Split
    from modelwright.stages.job import Job
    from modelwright.stages.prepared_rows import PreparedRows

BINS = 20
MOST_WHOLE = 32  # bins of whole numbers
TOP = 10


def report_facts(
    job: Job,
    split: Split,
    rows: PreparedRows,
    schema: Schema,
    figures: Mapping[str, Mapping[str, Any]],
    learn: pa.Table,
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
        "columns": [_column(column, figures[column.name], learn[column.name]) for column in schema.columns],
        "checks": rows.checks,
        "rejects": [dict(zip(("file", "line", "column", "value", "reason"), row, strict=True)) for row in refused],
        "features": [feature.name for feature in features.features],
        "notes": list(features.notes),
        "warnings": list(warnings),
    }


def _column(column: Column, figures: Mapping[str, Any], values: pa.ChunkedArray) -> dict[str, Any]:
    shown = {name: None if figures[name] is None else _plain(figures[name]) for name in ("minimum", "maximum")}
    return {
        "name": column.name,
        "type": column.type,
        "role": column.role,
        "nullable": column.nullable,
        "missing": figures["missing"],
        "distinct": figures["distinct"],
        **shown,
        "histogram": _histogram(values) if column.type in ("number", "integer", "timestamp") else None,
        "top": _top(values) if column.type in ("category", "boolean") else None,
    }


def _plain(value: Any) -> Any:
    return value.isoformat(sep=" ") if hasattr(value, "isoformat") else value


def _histogram(values: pa.ChunkedArray) -> dict[str, list[float]] | None:
    """Bins of equal width between the 1st and the 99th percentile, where nearly all values are.

    Whole numbers get bins of equally many whole numbers each: others would show peaks that are not there.
    """
    whole = pa.types.is_integer(values.type)
    if pa.types.is_timestamp(values.type):
        values = pc.divide(values.cast(pa.int64()).cast(pa.float64()), 1e6)
    numbers = values.drop_null().cast(pa.float64(), safe=False).to_numpy()
    if numbers.size == 0:
        return None
    low, high = np.quantile(numbers, [0.01, 0.99], method="inverted_cdf")
    inside = numbers[(numbers >= low) & (numbers <= high)]
    if whole:
        width = -(-(high - low + 1) // MOST_WHOLE)
        bins: Any = np.arange(low - 0.5, high + width, width)
    else:
        bins = BINS if high > low else 1
    counts, edges = np.histogram(inside, bins=bins)
    return {"edges": edges.tolist(), "counts": counts.tolist()}


def _top(values: pa.ChunkedArray) -> list[list[Any]]:
    counts = [(str(entry["values"]), entry["counts"]) for entry in pc.value_counts(values.drop_null()).to_pylist()]
    return [list(pair) for pair in sorted(counts, key=lambda pair: (-pair[1], pair[0]))[:TOP]]
