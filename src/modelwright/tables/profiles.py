"""Mergeable counts of a table's columns: what monitor compares new rows with, without the old rows.

Numbers are counted in bins between quantiles of the reference, so that an outlier can't blind them; categories are
counted by value. Counting needs numpy and Arrow only: the server and the monitor have neither DuckDB nor pandas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from modelwright.core.columns import Column

EDGES = 199  # between 200 bins of equal reference counts
MICROSECONDS = 1_000_000.0


@dataclass(frozen=True)
class ColumnCounts:
    """One column. Numbers (text: its length; timestamps: seconds since 1970) have `edges`, categories `categories`.

    `counts[i]` is how many values lie in (edges[i-1], edges[i]], from -infinity to +infinity: one more than there are
    edges; or how many equal categories[i]. `other` counts values outside `categories`.
    """

    name: str
    type: str
    counts: tuple[int, ...]
    missing: int = 0
    edges: tuple[float, ...] | None = None
    categories: tuple[str, ...] | None = None
    other: int = 0
    minimum: float | None = None
    maximum: float | None = None
    total: float = 0.0
    total_squares: float = 0.0

    @property
    def present(self) -> int:
        return sum(self.counts) + self.other

    @property
    def rows(self) -> int:
        return self.present + self.missing

    @property
    def mean(self) -> float | None:
        return self.total / self.present if self.edges is not None and self.present else None


@dataclass(frozen=True)
class Profile:
    """`profile.json`."""

    rows: int
    columns: tuple[ColumnCounts, ...]

    def __getitem__(self, name: str) -> ColumnCounts:
        return next(column for column in self.columns if column.name == name)

    def __contains__(self, name: str) -> bool:
        return any(column.name == name for column in self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def to_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "columns": [asdict(column) for column in self.columns]}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Profile:
        columns = ({**entry, **{key: _tuple(entry[key]) for key in ("counts", "edges", "categories")}}
                   for entry in content["columns"])  # fmt: skip
        return cls(content["rows"], tuple(ColumnCounts(**entry) for entry in columns))


def build(table: pa.Table, columns: Sequence[Column], edges: int = EDGES) -> Profile:
    """The reference: bins and categories are chosen from this table, then counted."""
    reference = []
    for column in columns:
        if column.type == "category":
            known = column.categories or tuple(sorted(pc.unique(_flat(table, column.name).drop_null()).to_pylist()))
            shape = ColumnCounts(column.name, column.type, (0,) * len(known), categories=known)
        else:
            found = quantile_edges(_numbers(_flat(table, column.name), column.type), edges)
            shape = ColumnCounts(column.name, column.type, (0,) * (len(found) + 1), edges=found)
        reference.append(shape)
    return count(table, Profile(0, tuple(reference)))


def quantile_edges(values: NDArray[np.float64], edges: int) -> tuple[float, ...]:
    """Values of the sample itself, so that each value of a discrete column has its own bin while they are few."""
    present = values[~np.isnan(values)]
    if present.size == 0:
        return ()
    levels = np.linspace(0, 1, edges + 2)[1:-1]
    return tuple(np.unique(np.quantile(present, levels, method="inverted_cdf")).tolist())


def count(table: pa.Table | pa.RecordBatch, profile: Profile) -> Profile:
    """Another table in the bins of a profile; columns that the table lacks count as missing."""
    return Profile(table.num_rows, tuple(_count(table, column) for column in profile.columns))


def merge(one: Profile, other: Profile) -> Profile:
    """Both together; they must have been counted on the same bins."""
    pairs = zip(one.columns, other.columns, strict=True)
    return Profile(one.rows + other.rows, tuple(_merge(*pair) for pair in pairs))


def _count(table: pa.Table | pa.RecordBatch, shape: ColumnCounts) -> ColumnCounts:
    if shape.name not in table.schema.names:
        return replace(_empty(shape), missing=table.num_rows)
    values = _flat(table, shape.name)
    if shape.categories is not None:
        return _count_categories(values, shape, shape.categories)
    numbers = np.sort(_numbers(values, shape.type))  # NaN goes last
    present = numbers[: len(numbers) - int(np.isnan(numbers).sum())]
    bounds = np.searchsorted(present, np.asarray(shape.edges, dtype=np.float64), side="right")
    counts = np.diff(np.concatenate(([0], bounds, [len(present)])))
    return replace(
        _empty(shape),
        counts=tuple(counts.tolist()),
        missing=len(numbers) - len(present),
        minimum=float(present[0]) if len(present) else None,
        maximum=float(present[-1]) if len(present) else None,
        total=float(present.sum()),
        total_squares=float((present * present).sum()),
    )


def _count_categories(values: pa.Array, shape: ColumnCounts, known: tuple[str, ...]) -> ColumnCounts:
    texts = values if pa.types.is_string(values.type) else values.cast(pa.string())
    found = {entry["values"]: entry["counts"] for entry in pc.value_counts(texts).to_pylist()}
    missing = found.pop(None, 0) + found.pop("", 0)
    counts = tuple(found.pop(category, 0) for category in known)
    return replace(_empty(shape), counts=counts, missing=missing, other=sum(found.values()))


def _merge(one: ColumnCounts, other: ColumnCounts) -> ColumnCounts:
    if (one.name, one.edges, one.categories) != (other.name, other.edges, other.categories):
        raise ValueError(f"{one.name} and {other.name} were counted on different bins")
    return replace(
        one,
        counts=tuple(a + b for a, b in zip(one.counts, other.counts, strict=True)),
        missing=one.missing + other.missing,
        other=one.other + other.other,
        minimum=min((value for value in (one.minimum, other.minimum) if value is not None), default=None),
        maximum=max((value for value in (one.maximum, other.maximum) if value is not None), default=None),
        total=one.total + other.total,
        total_squares=one.total_squares + other.total_squares,
    )


def _empty(shape: ColumnCounts) -> ColumnCounts:
    return ColumnCounts(
        shape.name, shape.type, (0,) * len(shape.counts), edges=shape.edges, categories=shape.categories
    )


def _flat(table: pa.Table | pa.RecordBatch, name: str) -> pa.Array:
    column = table.column(name)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _numbers(values: pa.Array, type: str) -> NDArray[np.float64]:
    """float64 with NaN for missing."""
    if type == "text":
        values = pc.utf8_length(values)
    elif pa.types.is_timestamp(values.type):
        values = values.cast(pa.timestamp("us")).cast(pa.int64())
    elif pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    numbers: NDArray[np.float64] = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return numbers / MICROSECONDS if type == "timestamp" else numbers


def _tuple(values: list[Any] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(values)
