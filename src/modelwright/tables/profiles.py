"""Mergeable counts of a table's columns: what monitor compares new rows with, without the old rows.

Numbers are counted in bins between quantiles of the reference, so that an outlier can't blind them; categories are
counted by value. Counting needs numpy and Arrow only: the server and the monitor have neither DuckDB nor pandas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from modelwright.core.columns import Column, ColumnType

EDGES = 199  # between 200 bins of equal reference counts
MICROSECONDS = 1_000_000.0

Floats = NDArray[np.float64]
Source: TypeAlias = pa.Table | pa.RecordBatch | pq.ParquetFile


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


def build(source: Source, columns: Sequence[Column], edges: int = EDGES) -> Profile:
    """The reference: bins and categories are chosen from these rows, then counted; one column in memory at a time."""
    rows = source.num_rows if isinstance(source, pa.Table) else source.metadata.num_rows
    return Profile(rows, tuple(reference(source, column, edges) for column in columns))


def reference(source: Source, column: Column, edges: int = EDGES) -> ColumnCounts:
    """One column of the reference."""
    if column.type != "category":
        return of_sorted(column, *sorted_numbers(source, column), edges)
    known, found = column.categories, value_counts(source, column.name)
    if known is None:
        known = tuple(sorted(value for value in found if value is not None))
    shape = ColumnCounts(column.name, column.type, (0,) * len(known), categories=known)
    return _counted_categories(found, shape, known)


def of_sorted(column: Column, present: Floats, missing: int, edges: int = EDGES) -> ColumnCounts:
    """The reference of a column whose values are sorted already."""
    found = _edges_of_sorted(present, edges)
    shape = ColumnCounts(column.name, column.type, (0,) * (len(found) + 1), edges=found)
    return _counted_numbers(present, missing, shape)


def _edges_of_sorted(present: Floats, edges: int) -> tuple[float, ...]:
    levels = np.linspace(0, 1, edges + 2)[1:-1]
    return tuple(np.unique(quantiles(present, levels)).tolist()) if present.size else ()


def quantiles(present: Floats, levels: Any) -> Floats:
    """Of sorted values, and values themselves: numpy's `inverted_cdf`."""
    places = np.maximum(np.ceil(len(present) * np.asarray(levels) - 1), 0).astype(np.int64)
    found: Floats = present[places]
    return found


def sorted_numbers(source: Source, column: Column) -> tuple[Floats, int]:
    """All values of a column as numbers in order, and how many are missing."""
    parts = [_numbers(piece, column.type) for piece in pieces(source, column.name)]
    numbers = np.concatenate(parts) if parts else np.empty(0)
    numbers.sort()  # NaN goes last
    missing = int(np.isnan(numbers).sum())
    return numbers[: len(numbers) - missing], missing


def value_counts(source: Source, name: str) -> dict[Any, int]:
    """How often each value occurs; None for missing."""
    found: dict[Any, int] = {}
    for piece in pieces(source, name):
        counted = pc.value_counts(piece)
        values, sizes = (counted.field(field).to_pylist() for field in ("values", "counts"))
        for value, size in zip(values, sizes, strict=True):
            found[value] = found.get(value, 0) + size
    return found


def pieces(source: Source, name: str) -> Iterator[pa.Array]:
    """The values of a column in their order."""
    if isinstance(source, pq.ParquetFile):
        yield from (batch.column(0) for batch in source.iter_batches(columns=[name], use_threads=False))
    else:
        column = source.column(name)
        yield from column.chunks if isinstance(column, pa.ChunkedArray) else [column]


def quantile_edges(values: Floats, edges: int) -> tuple[float, ...]:
    """Values of the sample itself, so that each value of a discrete column has its own bin while they are few."""
    return _edges_of_sorted(np.sort(values[~np.isnan(values)]), edges)


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
    if shape.categories is not None:
        found = value_counts(table, shape.name)
        return _counted_categories(found, shape, shape.categories)
    return _counted_numbers(*sorted_numbers(table, Column(shape.name, _column_type(shape))), shape)


def _column_type(shape: ColumnCounts) -> ColumnType:
    return cast("ColumnType", shape.type)


def _counted_numbers(present: Floats, missing: int, shape: ColumnCounts) -> ColumnCounts:
    bounds = np.searchsorted(present, np.asarray(shape.edges, dtype=np.float64), side="right")
    counts = np.diff(np.concatenate(([0], bounds, [len(present)])))
    return replace(
        _empty(shape),
        counts=tuple(counts.tolist()),
        missing=missing,
        minimum=float(present[0]) if len(present) else None,
        maximum=float(present[-1]) if len(present) else None,
        total=float(present.sum()),
        total_squares=float((present * present).sum()),
    )


def _counted_categories(values: Mapping[Any, int], shape: ColumnCounts, known: tuple[str, ...]) -> ColumnCounts:
    found: dict[str | None, int] = {}
    for value, size in values.items():
        text = value if value is None or isinstance(value, str) else _as_text(value)
        found[text] = found.get(text, 0) + size
    missing = found.pop(None, 0) + found.pop("", 0)
    counts = tuple(found.pop(category, 0) for category in known)
    return replace(_empty(shape), counts=counts, missing=missing, other=sum(found.values()))


def _as_text(value: Any) -> str:
    """As Arrow casts it: a category may be a number or a boolean by now."""
    text: str = pa.scalar(value).cast(pa.string()).as_py()
    return text


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


def _numbers(values: pa.Array, type: str) -> NDArray[np.float64]:
    """float64 with NaN for missing."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
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
