"""What can be known of a CSV file without a fast parser: header, lines, encoding. Standard library only."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
import shutil
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from modelwright.core.errors import DataError
from modelwright.tables.sources.recognition import binary_kind
from modelwright.tables.sources.unpacking import opened

CHUNK = 1 << 17  # larger ones leave the cache, and the allocator fetches their pages anew each time
UNDERSCORED = re.compile("_(?<=[0-9]_)[0-9]")  # beginning with a plain character it is found as fast as one
RARE_BLANKS, RARE_ASCII_BLANKS = "\t\v\f\u00a0\ufeff", "\t\v\f"
ENCODING_HINT = "say which it is, for example encoding: cp1252 (Western), cp1251 (Cyrillic) or utf-16"


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written. `quote` is empty where quotes are ordinary characters."""

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    header: bool = True
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Header:
    """Column names, and what to skip to reach the first row: records for a parser, physical lines for people."""

    names: tuple[str, ...]
    records: int
    lines: int


@dataclass(frozen=True)
class Survey:
    """Counted on the bytes, independently of any parser."""

    lines: int
    quotes: bool
    carriage_returns: bool
    underscored: bool  # an underscore between digits, which some take for a part of a number
    rare_blanks: bool  # blanks other than spaces and line ends


def records(file: TextIO, dialect: Dialect) -> Iterator[tuple[int, int, list[str]]]:
    """First and last physical line of each record, and its fields; no fields for a blank line."""
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(
        file,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        skipinitialspace=dialect.delimiter != " ",
    )
    first = 1
    for fields in reader:
        yield first, reader.line_num, fields
        first = reader.line_num + 1


def read_header(path: Path, dialect: Dialect, name: str) -> Header:
    """From the first line that is not blank; without a header line from `names`, or column_1, column_2, …

    DataError when there is no such line: the file is empty.
    """
    blank = 0
    try:
        with opened(path, name) as content, io.TextIOWrapper(content, _decoding(dialect), newline="") as file:
            for first, last, fields in records(file, dialect):
                if fields:
                    lines = last if dialect.header else first - 1
                    return Header(_names(fields, dialect, name), blank + dialect.header, lines)
                blank += 1
    except UnicodeError:
        survey(path, dialect, name)  # knows in which line
        raise
    except csv.Error as error:
        raise DataError(f"the header can't be read: {error}", where=f"{name}:1") from error
    raise DataError("the file is empty", where=name)


def _names(fields: Sequence[str], dialect: Dialect, name: str) -> tuple[str, ...]:
    if dialect.names and len(dialect.names) != len(fields):
        raise DataError(
            f"names: lists {len(dialect.names)} columns, the first line has {len(fields)}", where=f"{name}:1"
        )
    written = [field.strip() for field in fields] if dialect.header else [""] * len(fields)
    return dialect.names or tuple(text or f"column_{number}" for number, text in enumerate(written, 1))


def survey(path: Path, dialect: Dialect, name: str) -> Survey:
    """Counts lines; DataError, naming the line, at the first byte that is not in the file's encoding."""
    decoder = codecs.getincrementaldecoder(dialect.encoding)()
    lines, last, quotes, carriage_returns, underscored, rare_blanks = 0, "\n", False, False, False, False
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                if (kind := binary_kind(path)) is not None:
                    raise DataError("this is no text", where=name, hint=f"source: {{kind: {kind}, …}}") from None
                line = lines + error.object[: error.start].count(b"\n") + 1
                byte = error.object[error.start]
                message = f"byte 0x{byte:02x} is not {dialect.encoding}"
                raise DataError(message, where=f"{name}:{line}", hint=ENCODING_HINT) from None
            if "\0" in text:
                line = lines + text[: text.index("\0")].count("\n") + 1
                raise DataError("a NUL character in a text file", where=f"{name}:{line}", hint=ENCODING_HINT)
            lines += text.count("\n")
            quotes = quotes or (dialect.quote != "" and dialect.quote in text)
            carriage_returns = carriage_returns or "\r" in text
            if not underscored and ("_" in text or "_" in last):
                underscored = UNDERSCORED.search(last + text) is not None
            blanks = RARE_ASCII_BLANKS if text.isascii() else RARE_BLANKS
            rare_blanks = rare_blanks or any(blank in text for blank in blanks)
            last = text[-2:] if len(text) > 1 else (last + text)[-2:]
            if not chunk:
                return Survey(lines + (last[-1] != "\n"), quotes, carriage_returns, underscored, rare_blanks)


def plain_copy(path: Path, dialect: Dialect, copy: Path) -> Dialect:
    """The same text as UTF-8 with \\n line ends; returns the dialect of the copy."""
    with path.open(encoding=_decoding(dialect)) as source, copy.open("w", encoding="utf-8", newline="\n") as target:
        shutil.copyfileobj(source, target, CHUNK)
    return replace(dialect, encoding="utf-8")


def blank_lines(path: Path, after: int) -> int:
    """How many lines beyond the first `after` hold nothing."""
    with path.open("rb") as file:
        return sum(line == b"\n" for line in itertools.islice(file, after, None))


def lines_of_bytes(path: Path, positions: Sequence[int]) -> list[int]:
    """The physical lines of byte positions (ascending, from 0); blank lines right there are passed over."""
    found, line, at = [], 1, 0
    with path.open("rb") as file:
        for position in positions:
            while at < position:
                chunk = file.read(min(CHUNK, position - at))
                line += chunk.count(b"\n")
                at += len(chunk)
            while file.peek(1)[:1] == b"\n":
                file.read(1)
                line, at = line + 1, at + 1
            found.append(line)
    return found


def lines_of_rows(
    path: Path, dialect: Dialect, header: Header, refused: Collection[int], rows: Sequence[int]
) -> list[int]:
    """The physical lines of rows (ascending numbers from 0), not counting the rows that begin in `refused` lines."""
    found: list[int] = []
    wanted = iter(rows)
    target, row = next(wanted, None), 0
    with path.open(encoding=_decoding(dialect), newline="") as file:
        for first, _, fields in records(file, dialect):
            blank = not fields and len(header.names) > 1
            if first <= header.lines or first in refused or blank:
                continue
            while target == row:
                found.append(first)
                target = next(wanted, None)
            if target is None:
                break
            row += 1
    return found + [0] * (len(rows) - len(found))


def _decoding(dialect: Dialect) -> str:
    """UTF-8 files may begin with a byte order mark."""
    return "utf-8-sig" if codecs.lookup(dialect.encoding).name == "utf-8" else dialect.encoding
