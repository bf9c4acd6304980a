"""Looks at the first lines of delimited text: delimiter, quotes, header, decimal sign, words that mean missing."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from modelwright.core.errors import DataError
from modelwright.spec.sample import (
    MISSING,
    SAMPLE_ROWS,
    SampledColumn,
    has_decimal_commas,
    looks_like_names,
    sampled_columns,
)
from modelwright.tables.sources.files import suffix_of
from modelwright.tables.sources.recognition import first_bytes
from modelwright.tables.sources.unpacking import opened

DELIMITERS = ",\t;|"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
RAGGED = 3  # different lengths of lines: more than this many, and none of them usual, is no table
USUAL = 0.9


@dataclass(frozen=True)
class Delimited:
    """`options` of the csv reader, as a spec writes them beside `path`."""

    columns: tuple[SampledColumn, ...]
    options: Mapping[str, Any]
    notes: tuple[str, ...] = ()


def look_at_delimited(path: Path, target: str) -> Delimited | None:
    """None where the lines are no table: each is a list of its own length. DataError when they can't be read."""
    start = first_bytes(path)
    if not start.strip():
        raise DataError("is empty", where=str(path))
    encoding = "utf-16" if start.startswith(UTF_16) else "utf-8-sig"
    try:
        delimiter = delimiter_of(start.decode(encoding, errors="ignore"))
        with opened(path, str(path)) as content, io.TextIOWrapper(content, encoding, newline="") as text:
            lines = list(islice(text, SAMPLE_ROWS))
        names, rows, quoted = _rows(lines, delimiter)
    except UnicodeError:
        hint = "convert it: iconv -f CP1251 -t UTF-8; or write the spec by hand with source.encoding"
        raise DataError("is not UTF-8 text, nor Parquet", where=str(path), hint=hint) from None
    except csv.Error as error:
        raise DataError(f"can't be read as delimited text: {error}", where=str(path)) from None
    if _is_ragged([names, *rows]):
        return None
    options = {} if encoding != "utf-16" else {"encoding": "utf-16"}
    if delimiter != ("\t" if suffix_of(path) in (".tsv", ".tab") else ","):
        options["delimiter"] = "tab" if delimiter == "\t" else delimiter
    if not quoted:
        options["quote"] = "none"
    decimal = "," if delimiter != "," and has_decimal_commas(names, rows) else "."
    if decimal == ",":
        options["decimal"] = ","
    return _with_header(names, rows, target, options, decimal)


def delimiter_of(start: str) -> str:
    """The sign that splits the first lines into the same number of values, most of them."""
    lines = start.splitlines()[:20]
    lines = lines[:-1] or lines
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
        counts = {sign: [len(row) for row in csv.reader(lines, delimiter=sign, quoting=quoting)] for sign in DELIMITERS}
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


def _is_ragged(rows: Sequence[Sequence[str]]) -> bool:
    lengths = Counter(len(row) for row in rows if row)
    return len(lengths) > RAGGED and max(lengths.values()) < USUAL * lengths.total()


def _with_header(
    names: list[str], rows: list[list[str]], target: str, options: dict[str, Any], decimal: str
) -> Delimited:
    """Whether the first line holds names; the target, if it is one of them, says so itself."""
    columns = sampled_columns(
        [name.strip() or f"column_{number}" for number, name in enumerate(names, 1)], rows, decimal
    )
    notes: tuple[str, ...] = ()
    if not looks_like_names(columns):
        notes = ("The first line looks like a row, not like names; if it is: source.names",)
        if target not in (name.strip() for name in names):
            numbered = [f"column_{number}" for number in range(1, len(names) + 1)]
            columns = sampled_columns(numbered, [names, *rows], decimal)
            options["header_line"] = False
            notes = ("The first line looks like a row: instead of header_line, names: [a, b, …] gives names.",)
    unusual = {word for column in columns for word in column.unusual_missing}
    if unusual:
        options["null_words"] = [*sorted(MISSING), *sorted(unusual)]
    return Delimited(columns, options, notes)
