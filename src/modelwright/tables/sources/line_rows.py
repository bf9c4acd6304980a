"""Makes rows of the lines or paragraphs of text files."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import pyarrow as pa

from modelwright.tables.engine import Engine
from modelwright.tables.reading import Reading, Refusal
from modelwright.tables.sources.arrow_rows import Rows, batches_of, noted, read_batches
from modelwright.tables.sources.text_lines import text_lines


def read_lines(
    engine: Engine, files: Sequence[tuple[Path, str]], encoding: str, pattern: str | None, *, paragraphs: bool
) -> Reading:
    """Fill `raw` and `rejects` from (path, shown name) pairs."""
    compiled = None if pattern is None else re.compile(pattern)
    names = ["line", "text"] if compiled is None else list(compiled.groupindex)
    kinds = {} if compiled else {"line": pa.int64()}
    rows = []
    for path, name in files:
        starts: array[int] = array("q")
        refused: list[Refusal] = []
        found = _found(path, encoding, name, compiled, starts, refused, paragraphs=paragraphs)
        rows.append(Rows(name, batches_of(names, found, kinds), noted(starts), refused))
    columns = {name: "BIGINT" if name in kinds else "VARCHAR" for name in names}
    return read_batches(engine, columns, rows, textual=compiled is not None)


def _found(
    path: Path,
    encoding: str,
    name: str,
    pattern: re.Pattern[str] | None,
    starts: array[int],
    refused: list[Refusal],
    *,
    paragraphs: bool,
) -> Iterator[Sequence[object]]:
    for line, text in _units(path, encoding, name, paragraphs=paragraphs):
        if pattern is None:
            starts.append(line)
            yield line, text
            continue
        match = pattern.fullmatch(text)
        if match is None:
            refused.append((name, line, None, text, "does not match the pattern"))
            continue
        starts.append(line)
        yield list(match.groupdict().values())


def _units(path: Path, encoding: str, name: str, *, paragraphs: bool) -> Iterator[tuple[int, str]]:
    """Lines, or lines joined up to the next blank one; with the number of the first."""
    lines = text_lines(path, encoding, name)
    if not paragraphs:
        yield from ((number, text) for number, text in lines if text.strip())
        return
    for filled, some in groupby(lines, key=lambda entry: bool(entry[1].strip())):
        if filled:
            numbers, texts = zip(*some, strict=True)
            yield numbers[0], "\n".join(texts)
