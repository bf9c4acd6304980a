"""Reads text: a row per line or paragraph, taken apart by a pattern."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Reader
from modelwright.parts.text_files import Encoding, GroupPattern
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
    pattern: GroupPattern | None = Field(
        None, description="Regular expression (Python's) for a whole row; its named groups are the columns."
    )
    encoding: Encoding = "utf-8"

    example: ClassVar[Mapping[str, Any]] = {"path": "logs/*.log"}

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
