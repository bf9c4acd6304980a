"""Reads the cells of a sheet as text, as they would be written in a CSV file."""

from __future__ import annotations

import datetime
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from modelwright.core.errors import DataError, ResourceError
from modelwright.core.names import did_you_mean
from modelwright.tables.engine import Engine
from modelwright.tables.reading import Reading, TextRules, check_names
from modelwright.tables.sources.archives import is_zip, opened_zip

LARGEST_WHOLE = 2**53


def sheet_header(path: Path, name: str, sheet: str | None, header_row: int) -> list[str]:
    return _header(_cells(path, name, sheet), name, header_row)


def read_sheets(
    engine: Engine, files: Sequence[tuple[Path, str]], sheet: str | None, header_row: int, rules: TextRules
) -> Reading:
    """Fill `raw` from (path, shown name) pairs; each file by its own header."""
    from modelwright.tables.sources.arrow_rows import Rows, batches_of, noted, read_batches

    columns: list[str] = []
    rows = []
    for path, name in files:
        cells = _cells(path, name, sheet)
        names = _header(cells, name, header_row)
        columns = columns or names
        for column in set(columns) ^ set(names):
            lacking, has = (name, files[0][1]) if column in columns else (files[0][1], name)
            raise DataError(f'no column "{column}", which {has} has', where=lacking)
        places: array[int] = array("q")
        batches = batches_of(names, _values(cells, len(names), header_row, places))
        rows.append(Rows(name, batches, noted(places)))
    return read_batches(engine, dict.fromkeys(columns, "VARCHAR"), rows, textual=True, rules=rules)


def _cells(path: Path, name: str, sheet: str | None) -> list[list[Any]]:
    """All cells from the first row and column on."""
    try:
        import python_calamine as calamine
    except ImportError as error:
        hint = "pip install 'modelwright[excel]'"
        raise ResourceError("reading spreadsheets needs the package python-calamine", hint=hint) from error
    if is_zip(path):
        with opened_zip(path, name):  # looks for bombs
            pass
    try:
        with calamine.CalamineWorkbook.from_path(str(path)) as book:
            if sheet is not None and sheet not in book.sheet_names:
                known = ", ".join(book.sheet_names)
                raise DataError(
                    f'no sheet "{sheet}"{did_you_mean(sheet, book.sheet_names)}', where=name, hint=f"sheets: {known}"
                )
            if not book.sheet_names:
                raise DataError("the file has no sheet", where=name)
            cells: list[list[Any]] = book.get_sheet_by_name(sheet or book.sheet_names[0]).to_python(
                skip_empty_area=False
            )
            return cells
    except (calamine.CalamineError, OSError, ValueError) as error:
        raise DataError(f"this is not a whole spreadsheet: {error}", where=name) from error


def _header(cells: Sequence[Sequence[Any]], name: str, header_row: int) -> list[str]:
    """Names up to the last column that has one or holds values; `column_N` for those without."""
    if len(cells) < header_row:
        raise DataError(f"the sheet has {len(cells)} rows, the header should be row {header_row}", where=name)
    written = [_text(cell) for cell in cells[header_row - 1]]
    filled = [place for row in cells[header_row - 1 :] for place, cell in enumerate(row) if cell not in ("", None)]
    if not filled:
        raise DataError("the sheet is empty", where=name)
    width = max(filled) + 1
    names = [(text or "").strip() or f"column_{number}" for number, text in enumerate(written[:width], 1)]
    check_names(names, name)
    return names


def _values(
    cells: Sequence[Sequence[Any]], width: int, header_row: int, places: array[int]
) -> Iterator[list[str | None]]:
    for number, row in enumerate(cells[header_row:], header_row + 1):
        values = [_text(cell) for cell in row[:width]]
        if any(values):
            places.append(number)
            yield values


def _text(cell: Any) -> str | None:
    """As a CSV file has it: whole numbers without a point, dates by ISO 8601."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < LARGEST_WHOLE:
        return str(int(cell))
    if isinstance(cell, datetime.datetime):
        midnight = cell.time() == datetime.time()
        return cell.date().isoformat() if midnight else cell.isoformat(sep=" ")
    if isinstance(cell, datetime.timedelta):
        return repr(cell.total_seconds())
    return cell.isoformat() if isinstance(cell, datetime.date | datetime.time) else str(cell)
