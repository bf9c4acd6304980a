"""Looks at the first rows of a data file, to guess what a first spec should say of its columns."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Literal

from modelwright.core.errors import DataError

SAMPLE_ROWS = 10_000
UNUSUAL_MISSING = frozenset({"?"})  # means missing where it is found, but the csv reader must be told
MISSING = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"})  # as the csv reader has it
NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
NAMED_LIKE_AN_ID = re.compile(r"(^|[_\s-])(id|uuid|guid|key)$|[a-z](Id|ID)$|^(index|rownames?)$", re.IGNORECASE)
PARQUET_MAGIC = b"PAR1"
DATES = ("%Y-%m", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y")  # beside ISO 8601
FORMATS = tuple(date + time for date in DATES for time in ("", " %H:%M", " %H:%M:%S"))
IN_ORDER = 20  # distinct times in ascending order: more than this many are no accident
FEW = 20  # distinct values: more than this many whole numbers are a quantity, fewer are classes

Kind = Literal["number", "timestamp", "text", "empty"]


@dataclass(frozen=True)
class SampledColumn:
    """What the first rows show of one column."""

    name: str
    kind: Kind
    distinct: tuple[str, ...]  # in order of appearance, without missing
    rows: int  # without missing
    zoned: bool = True  # every timestamp says its zone
    format: str | None = None  # of timestamps that are not ISO 8601
    in_order: bool = False  # timestamps that never go back
    counts: bool = False  # whole numbers, each one more than the one before
    unusual_missing: frozenset[str] = frozenset()

    @property
    def constant(self) -> bool:
        return self.rows > 1 and len(self.distinct) == 1

    @property
    def identifies(self) -> bool:
        """Every value once, and not a measurement."""
        if self.rows < 10 or len(self.distinct) < self.rows or self.kind == "timestamp":
            return False
        return (
            self.counts
            or bool(NAMED_LIKE_AN_ID.search(self.name))
            or (self.kind == "text" and self.rows >= 100 and self._short)
        )

    @property
    def _short(self) -> bool:
        return max(map(len, self.distinct)) <= 40 and not any(" " in value for value in self.distinct[:100])


@dataclass(frozen=True)
class Sample:
    kind: Literal["csv", "parquet"]
    delimiter: str
    columns: tuple[SampledColumn, ...]
    quoted: bool = True  # quotes enclose values; False where they are ordinary characters

    @property
    def headed(self) -> bool:
        """The first line holds names; a name that is also one of its few values, or a number, is rather a value."""
        return not any(
            NUMBER.fullmatch(column.name) or (len(column.distinct) <= FEW and column.name in column.distinct)
            for column in self.columns
        )


def sample(path: Path) -> Sample:
    """The columns of a CSV, TSV or Parquet file. DataError when it is none of these, or empty."""
    try:
        with path.open("rb") as file:
            start = file.read(64_000)
    except FileNotFoundError:
        raise DataError("there is no such file", where=str(path)) from None
    except IsADirectoryError:
        raise DataError("is a folder", where=str(path), hint="name one of its files") from None
    if start.startswith(PARQUET_MAGIC):
        names, rows = _parquet(path)
        return Sample("parquet", "", _columns(names, rows))
    if not start.strip():
        raise DataError("is empty", where=str(path))
    try:
        delimiter = _delimiter(start.decode("utf-8-sig", errors="ignore"))
        with path.open(newline="", encoding="utf-8-sig") as text:
            names, rows, quoted = _rows(list(islice(text, SAMPLE_ROWS)), delimiter)
            return Sample("csv", delimiter, _columns(names, rows), quoted)
    except UnicodeDecodeError:
        hint = "convert it: iconv -f CP1251 -t UTF-8; or write the spec by hand with source.encoding"
        raise DataError("is not UTF-8 text, nor Parquet", where=str(path), hint=hint) from None
    except csv.Error as error:
        raise DataError(f"can't be read as delimited text: {error}", where=str(path)) from None


def _delimiter(start: str) -> str:
    """The sign that splits the first lines into the same number of values, most of them."""
    lines = start.splitlines()[:20]
    lines = lines[:-1] or lines
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
        counts = {sign: [len(row) for row in csv.reader(lines, delimiter=sign, quoting=quoting)] for sign in ",\t;|"}
        even = {sign: found[0] for sign, found in counts.items() if found and found.count(found[0]) >= 0.9 * len(found)}
        best = max(even, key=lambda sign: even[sign], default=",")
        if even.get(best, 0) > 1:
            return best
    return ","


def _rows(lines: list[str], delimiter: str) -> tuple[list[str], list[list[str]], bool]:
    """Names, rows, and whether quotes enclose values: not where only that makes every line a row."""
    names, *rows = csv.reader(lines, delimiter=delimiter)
    if any(len(row) != len(names) or "\n" in "".join(row) for row in rows):
        plain_names, *plain = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
        if all(len(row) == len(plain_names) for row in plain):
            return plain_names, plain, False
    return names, rows, True


def _parquet(path: Path) -> tuple[list[str], list[list[str]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        names = list(file.schema_arrow.names)
        batch = next(file.iter_batches(SAMPLE_ROWS), None)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"can't be read as Parquet: {error}", where=str(path)) from None
    columns = [] if batch is None else [column.to_pylist() for column in batch.columns]
    return names, [["" if value is None else str(value) for value in row] for row in zip(*columns, strict=True)]


def _columns(names: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[SampledColumn, ...]:
    return tuple(
        _column(name.strip(), [row[index].strip() for row in rows if index < len(row)])
        for index, name in enumerate(names)
    )


def _column(name: str, values: Sequence[str]) -> SampledColumn:
    unusual = UNUSUAL_MISSING & set(values)
    present = [value for value in values if value not in MISSING | unusual]
    distinct = tuple(dict.fromkeys(present))
    if not present:
        return SampledColumn(name, "empty", (), 0, unusual_missing=unusual)
    if all(NUMBER.fullmatch(value) for value in distinct):
        return SampledColumn(name, "number", distinct, len(present), counts=_counts(present), unusual_missing=unusual)
    for form in (None, *FORMATS):
        times = _times(distinct, form)
        if times is not None:
            zoned = all(time.tzinfo for time in times)
            in_order = len(distinct) > IN_ORDER and _in_order(present, dict(zip(distinct, times, strict=True)))
            return SampledColumn(
                name, "timestamp", distinct, len(present), zoned, form, in_order, unusual_missing=unusual
            )
    return SampledColumn(name, "text", distinct, len(present), unusual_missing=unusual)


def _times(values: Sequence[str], form: str | None) -> list[datetime] | None:
    try:
        return [
            datetime.fromisoformat(value) if form is None else datetime.strptime(value, form)  # as found
            for value in values
        ]
    except ValueError:
        return None


def _in_order(values: Sequence[str], moment: Mapping[str, datetime]) -> bool:
    try:
        return all(moment[before] <= moment[after] for before, after in itertools.pairwise(values))
    except TypeError:  # some with a zone, some without
        return False


def _counts(values: Sequence[str]) -> bool:
    if not all(value.isdecimal() for value in values):
        return False
    return all(int(after) == int(before) + 1 for before, after in itertools.pairwise(values))
