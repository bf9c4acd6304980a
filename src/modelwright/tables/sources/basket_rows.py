"""Makes a row of every item of ragged lines."""

from __future__ import annotations

import codecs
import csv
from array import array
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.tables.engine import Engine
from modelwright.tables.reading import Reading
from modelwright.tables.sources.arrow_rows import Rows, batches_of, noted, read_batches
from modelwright.tables.sources.csv_files import Dialect, records, survey

COLUMNS = {"basket": "BIGINT", "position": "BIGINT", "items": "BIGINT", "item": "VARCHAR"}


def read_baskets(engine: Engine, files: Sequence[tuple[Path, str]], dialect: Dialect) -> Reading:
    """Fill `raw` from (path, shown name) pairs. Nothing between two delimiters is no item."""
    numbers, rows = count(1), []
    for path, name in files:
        lines: array[int] = array("q")
        batches = batches_of(
            list(COLUMNS),
            _items(path, name, dialect, numbers, lines),
            {column: pa.int64() for column, kind in COLUMNS.items() if kind == "BIGINT"},
        )
        rows.append(Rows(name, batches, noted(lines)))
    return read_batches(engine, COLUMNS, rows, textual=True)


def _items(
    path: Path, name: str, dialect: Dialect, numbers: Iterator[int], lines: array[int]
) -> Iterator[tuple[int, int, int, str]]:
    survey(path, dialect, name)  # bytes of another encoding are named by their line
    decoding = "utf-8-sig" if codecs.lookup(dialect.encoding).name == "utf-8" else dialect.encoding
    with path.open(encoding=decoding, newline="") as file:
        line = 1
        try:
            for line, last, fields in records(file, dialect):  # the error below names it
                if last > line:
                    raise DataError(
                        f"a quote opens here and takes in {last - line} more lines",
                        where=f"{name}:{line}",
                        hint="quote: none, if quotes are ordinary characters in this file",
                    )
                items = [field.strip() for field in fields if field.strip()]
                basket = next(numbers) if items else 0
                for position, item in enumerate(items, 1):
                    lines.append(line)
                    yield basket, position, len(items), item
        except csv.Error as error:
            raise DataError(f"the line can't be read: {error}", where=f"{name}:{line}") from error
