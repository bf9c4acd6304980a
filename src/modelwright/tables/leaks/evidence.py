"""What the leak guards look at, and what they have to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from modelwright.core.columns import NUMERIC, Column
from modelwright.tables.engine import Engine, quote
from modelwright.tables.reading import SPLIT

MOST_ROWS = 20_000  # of a sample
MOST_CELLS = 5_000_000
MOST_SAID = 10  # warnings of one kind: nobody reads more

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Leak:
    """A suspicion: its kind, the columns it is about, the figures and example rows behind it, and all that in words."""

    kind: str
    columns: tuple[str, ...]
    evidence: Mapping[str, Any]
    said: str

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "columns": list(self.columns)}


@dataclass(frozen=True)
class Sample:
    """Some rows, the same ones every time, in their order.

    `values` are float64 with NaN for missing: the numbers, the microseconds, or of text a code for each different one.
    `target` are class codes (of `classes`), or the numbers; `position` is the row's number.
    """

    columns: tuple[Column, ...]
    values: Mapping[str, Floats]
    target: Floats
    classes: tuple[str, ...]
    position: Floats
    learn: NDArray[np.bool_]
    rows: int  # of the whole table

    def __getitem__(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def of(self, *roles: str, types: Sequence[str] = ()) -> list[Column]:
        return [one for one in self.columns if one.role in roles and (not types or one.type in types)]


def draw(engine: Engine, columns: Sequence[Column], target: Column, *, classification: bool) -> Sample:
    """Rows chosen by a hash of their number, so that no rhythm in the data is met or missed."""
    looked_at = [column for column in columns if column.role in ("input", "time", "ignore")]
    rows = engine.value("SELECT count(*) FROM rows")
    most = max(min(MOST_ROWS, MOST_CELLS // max(len(looked_at), 1)), 1000)
    some = f"WHERE (rowid * 2654435761) % 4294967296 < {int(most / rows * 2**32)}" if rows > most else ""
    names = [column.name for column in looked_at]
    listed = ", ".join(quote(name) for name in (*names, target.name))
    found = engine.arrow(f"SELECT rowid, {quote(SPLIT)} = 'learn', {listed} FROM rows {some} ORDER BY rowid")
    arrays = [column.combine_chunks() for column in found.columns]
    values = {name: _floats(array) for name, array in zip(names, arrays[2:-1], strict=True)}
    classes: tuple[str, ...] = ()
    if classification:
        encoded = pc.cast(arrays[-1], pa.string()).dictionary_encode()
        classes = tuple(encoded.dictionary.to_pylist())
        truth = encoded.indices.to_numpy(zero_copy_only=False).astype(np.float64)
    else:
        truth = _floats(arrays[-1])
    position = arrays[0].to_numpy(zero_copy_only=False).astype(np.float64)
    learn = arrays[1].to_numpy(zero_copy_only=False).astype(bool)
    return Sample(tuple(looked_at), values, truth, classes, position, learn, rows)


def _floats(array: pa.Array) -> Floats:
    """NaN for missing; text as codes."""
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type) or pa.types.is_dictionary(array.type):
        encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
        array = encoded.indices
    elif pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    numbers: Floats = pc.fill_null(array.cast(pa.float64(), safe=False), np.nan).to_numpy(zero_copy_only=False)
    return numbers


def correlation(one: Floats, other: Floats) -> float:
    """Pearson's; 0 where one of them is constant or too large to calculate with."""
    with np.errstate(over="ignore", invalid="ignore"):
        one, other = one - one.mean(), other - other.mean()
        length = float(np.sqrt((one**2).sum()) * np.sqrt((other**2).sum()))
        if not np.isfinite(length) or length == 0:
            return 0.0
        return float((one * other).sum() / length)


def ordered(column: Column) -> bool:
    """Whether greater and less mean something."""
    return column.type in NUMERIC or column.type == "timestamp"


def likeness(one: Floats, other: Floats, sample: Sample) -> float:
    """How much more than by chance the targets of pairs of rows agree: correlation, or Cohen's kappa of classes."""
    if len(one) < 2:
        return 0.0
    if not sample.classes:
        return correlation(one, other)
    shares = np.bincount(sample.target.astype(np.int64)) / len(sample.target)
    chance = float((shares**2).sum())
    return float(((one == other).mean() - chance) / (1 - chance)) if chance < 1 else 0.0


def ranks(values: Floats) -> Floats:
    """From 0, ties sharing their mean."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(count)
    shared: Floats = (ends - (count + 1) / 2)[place]
    return shared


def percent(share: float) -> str:
    """`99.95 %`, and 100 % only where it is all."""
    return f"{min(share, 0.9999) if share < 1 else share:.2%}".replace("%", " %").replace("100.00", "100")
