"""Reads text: a row per line or paragraph, taken apart by a pattern."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from modelwright.parts.base import Reader
from modelwright.tables.sources.files import find_files

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine
    from modelwright.tables.reading import Reading

SUFFIXES = (".txt", ".log", ".text")


class Lines(Reader):
    """Plain text: each line, or each paragraph between blank lines, is a row with the columns `line` and `text`.

    A pattern with named groups makes the groups columns instead, as for log files:
    `(?P<at>\\S+) (?P<level>[A-Z]+) (?P<message>.*)`. What does not match goes to `rejects.parquet`.
    """

    kind: Literal["lines"] = "lines"
    path: str | list[str] = Field(description="Files, globs (** too) or folders of *.txt and *.log.")
    unit: Literal["line", "paragraph"] = Field("line", description="What a row is.")
    pattern: str | None = Field(
        None, description="Regular expression (Python's) for a whole row; its named groups are the columns."
    )
    encoding: str = Field("utf-8", description="For example cp1251; bytes that do not fit are an error.")

    example: ClassVar[Mapping[str, Any]] = {"path": "logs/*.log"}

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            return codecs.lookup(value).name
        except LookupError:
            raise ValueError(f"{value!r} is no encoding that Python knows") from None

    @field_validator("pattern")
    @classmethod
    def _names_columns(cls, pattern: str | None) -> str | None:
        try:
            if pattern is not None and not re.compile(pattern).groupindex:
                raise ValueError("names no group; columns are written (?P<name>…)")
        except re.error as error:
            raise ValueError(f"is not a regular expression: {error}") from None
        return pattern

    def inputs(self, base: Path) -> list[Path]:
        return find_files(base, self.path, SUFFIXES)

    def header(self, base: Path) -> list[str]:
        self.inputs(base)
        return ["line", "text"] if self.pattern is None else list(re.compile(self.pattern).groupindex)

    def read(self, engine: Engine, base: Path) -> Reading:
        from modelwright.tables.sources.fetching import fetch
        from modelwright.tables.sources.line_rows import read_lines

        files = [(file.path, file.shown) for file in fetch(engine.folder, base, self.path, SUFFIXES)]
        return read_lines(engine, files, self.encoding, self.pattern, paragraphs=self.unit == "paragraph")


PART = Lines
