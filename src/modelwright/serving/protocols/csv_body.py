"""CSV as a request and as an answer: a header, commas, quotes doubled inside quotes, UTF-8; an empty cell is null."""

from __future__ import annotations

import csv
import io
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelwright.graph.encoders import EPOCH, MICROSECOND, MISSING_TEXT, NO_TIME
from modelwright.serving.layout import Rows
from modelwright.serving.protocols.columns import ColumnReader, at
from modelwright.serving.refusals import RequestError
from modelwright.serving.signature import Field

NUMERALS = frozenset("0123456789+-.eE")  # what float() takes beyond these (nan, 1_000, other scripts) is no number here
FLAGS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "": math.nan}
SHOWN = 40


def rows(reader: ColumnReader, body: bytes) -> Rows:
    """Rows of a CSV body. RequestError names the column and the row, counted from 0 below the header."""
    header, lines = _lines(body, reader.max_rows)
    places = {name: place for place, name in enumerate(header)}
    cells = list(zip(*lines, strict=True))
    return reader.read(header, len(lines), lambda field: _encoded(reader, field, cells[places[field.name]]))


def written(columns: Mapping[str, tuple[str, NDArray[Any]]]) -> bytes:
    """The columns of an answer; numbers as Python writes them, which reads back to the same bits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(_cells(kind, values) for kind, values in columns.values()), strict=True))
    return text.getvalue().encode()


def _lines(body: bytes, most: int) -> tuple[list[str], list[list[str]]]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(400, f"the body is not UTF-8 (byte {error.start})") from error
    csv.field_size_limit(sys.maxsize)  # the body's size has a limit, and the signature's texts have one
    found = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines: list[list[str]] = []
    try:
        header = next(found, None)
        if not header:
            raise RequestError(422, "the body has no header: the first line names the columns")
        for line in found:
            if not line and len(header) > 1:
                continue  # a blank line can't be a row, unless there is one column
            if len(line) != len(header) and (line or len(header) > 1):
                raise _ragged(header, line, len(lines))
            if len(lines) == most:
                raise RequestError(422, f"expected at most {most} rows")
            lines.append(line or [""])
    except csv.Error as error:
        raise RequestError(400, f"the body is not valid CSV: line {found.line_num}: {error}") from error
    return header, lines


def _ragged(header: Sequence[str], line: Sequence[str], row: int) -> RequestError:
    words = f"rows[{row}]: has {len(line)} cells, the header has {len(header)}"
    field = header[len(line)] if len(line) < len(header) else None
    return RequestError(422, words, field=field, row=row)


def _encoded(reader: ColumnReader, field: Field, cells: Sequence[str]) -> NDArray[Any]:
    if field.textual:
        texts = np.empty(len(cells), object)
        texts[:] = cells
        return reader.texts(field, texts)
    if field.type == "timestamp":
        return reader.values(field, [cell or None for cell in cells])
    if field.type == "boolean":
        return _converted(field, cells, lambda cell: FLAGS[cell.lower()], "true or false")
    return reader.numbers(field, _converted(field, cells, _number, "a number"))


def _number(cell: str) -> float:
    if not NUMERALS.issuperset(cell):
        raise ValueError(cell)
    return float(cell) if cell else math.nan


def _converted(
    field: Field, cells: Sequence[str], convert: Callable[[str], float], expected: str
) -> NDArray[np.float64]:
    try:
        return np.fromiter(map(convert, cells), np.float64, len(cells))
    except (ValueError, KeyError):
        for row, cell in enumerate(cells):
            try:
                convert(cell)
            except (ValueError, KeyError):
                shown = cell if len(cell) <= SHOWN else cell[:SHOWN] + "…"
                raise at(row, field.name, f"expected {expected}, got {shown!r}") from None
        raise


def _cells(kind: str, values: NDArray[Any]) -> Iterable[Any]:
    """Missing is empty."""
    plain = values.tolist()
    if kind == "timestamp":
        return [_time(value) for value in plain]
    if kind == "integer":
        return ["" if value != value else int(value) for value in plain]
    if kind == "boolean":
        return ["" if value != value else str(bool(value)).lower() for value in plain]
    return [MISSING_TEXT if value != value else value for value in plain]


def _time(micros: int) -> str:
    if micros == NO_TIME:
        return ""
    return (EPOCH + micros * MICROSECOND).isoformat()
