"""Reads a folder of sounds as a table of paths and labels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.canonical import digest
from modelwright.parts.base import Reader
from modelwright.parts.text_files import GroupPattern
from modelwright.tables.sources.archives import entry_names
from modelwright.tables.sources.media_files import media_files, media_place

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine
    from modelwright.tables.reading import Reading

SUFFIXES = (".wav", ".wave")
KINDS = {"sample_rate": "int64", "channels": "int64", "bits": "int64", "duration_s": "double"}


class Audio(Reader):
    """WAV files in a folder or a zip archive, at any depth: a row per file.

    Columns: `path`, `label` (the name of the folder that the file is in) or the groups of `pattern`, `sample_rate`,
    `channels`, `bits`, `duration_s`, `bytes`, `digest`. What is no whole PCM file goes to `rejects.parquet`.
    """

    kind: Literal["audio"] = "audio"
    path: str = Field(description="A folder or a zip archive, relative to the spec.")
    pattern: GroupPattern | None = Field(
        None,
        description="Regular expression (Python's) found in the path; its named groups are columns: (?P<label>\\d)_.",
    )

    example: ClassVar[Mapping[str, Any]] = {"path": "data/recordings.zip"}

    def inputs(self, base: Path) -> list[Path]:
        return media_files(base, self.path, SUFFIXES)

    def header(self, base: Path) -> list[str]:
        media_place(base, self.path)
        said = ["label"] if self.pattern is None else list(re.compile(self.pattern).groupindex)
        return ["path", *said, *KINDS, "bytes", "digest"]

    def fingerprint(self, base: Path) -> Mapping[str, str] | None:
        """Names are part of the data."""
        return {"names": digest(entry_names(media_place(base, self.path), SUFFIXES, self.path))}

    def read(self, engine: Engine, base: Path) -> Reading:
        from modelwright.tables.sources.media_rows import read_media
        from modelwright.tables.sources.wave_headers import describe_wave

        place = media_place(base, self.path)
        return read_media(engine, place, self.path, SUFFIXES, self.pattern, describe_wave, KINDS)


PART = Audio
