"""Reads JSON lines: one object a line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Reader
from modelwright.parts.filesystem import PATH, Filesystem, fingerprint, local_files

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine
    from modelwright.tables.reading import Reading

SUFFIXES = (".jsonl", ".ndjson")


class Jsonl(Reader):
    """JSON lines, as logs and APIs write them: one object a line. A key is a column, whichever lines have it.

    An object within becomes columns with a dot (`pickup.lat`); lists and deeper objects are refused, or kept as text.
    Lines that are not JSON, or that have a key twice, go to `rejects.parquet` with their number and the reason. Types
    come from all values, as those of a CSV file do.
    """

    kind: Literal["jsonl"] = "jsonl"
    path: str | list[str] = Field(description=PATH.format("*.jsonl and *.ndjson", ".jsonl"))
    null_words: list[str] = Field(["", "NaN", "nan"], description="Text that means missing, as null does.")
    nested: Literal["refuse", "text"] = Field(
        "refuse", description="What to do with lists and deep objects; text: a column of JSON text."
    )
    filesystem: Filesystem = Field(Filesystem(), description="How URLs are reached.")
    incremental: bool = Field(
        False, description="Keep what was read with the run; the next one parses new and changed files only."
    )

    example: ClassVar[Mapping[str, Any]] = {"path": "data/rides-*.jsonl"}

    def inputs(self, base: Path) -> list[Path]:
        return local_files(base, self.path, SUFFIXES)

    def header(self, base: Path) -> list[str] | None:
        """The last line may have a key of its own."""
        return None

    def fingerprint(self, base: Path) -> Mapping[str, str] | None:
        return fingerprint(self.path, SUFFIXES, self.filesystem)

    def read(self, engine: Engine, base: Path) -> Reading:
        from modelwright.tables.reading import TextRules
        from modelwright.tables.sources.fetching import fetch
        from modelwright.tables.sources.json_rows import read_json_lines

        found = fetch(engine.folder, base, self.path, SUFFIXES, self.filesystem.access())
        files, rules = [(file.path, file.shown) for file in found], TextRules(tuple(self.null_words))
        return read_json_lines(engine, files, rules, nested_as_text=self.nested == "text")


PART = Jsonl
