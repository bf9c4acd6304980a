"""The lines of a text file with their numbers; its encoding is checked. Standard library only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from modelwright.tables.sources.csv_files import Dialect, survey


def text_lines(path: Path, encoding: str, name: str) -> Iterator[tuple[int, str]]:
    """Numbers from 1 and lines without their ends. DataError, with the line, for bytes that are not of the encoding."""
    try:
        with path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding) as file:
            for number, line in enumerate(file, 1):
                yield number, line.removesuffix("\n")
    except UnicodeError:
        survey(path, Dialect(quote="", encoding=encoding), name)  # knows in which line
        raise
