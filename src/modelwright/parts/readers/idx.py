"""Reads the IDX files of MNIST and its kin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Reader
from modelwright.tables.sources.files import find_files, shown
from modelwright.tables.sources.idx_files import column_names, read_shape

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine
    from modelwright.tables.reading import Reading


class Idx(Reader):
    """Arrays of numbers in the IDX format, packed or not: images of MNIST, Fashion-MNIST, EMNIST.

    A row per image, a column per pixel (`pixel_ROW_COLUMN`), and `label` where a file of labels is given.
    """

    kind: Literal["idx"] = "idx"
    path: str = Field(description="The file of images or other arrays, relative to the spec.")
    labels: str | None = Field(None, description="The file with a label for each of them.")

    example: ClassVar[Mapping[str, Any]] = {"path": "t10k-images-idx3-ubyte.gz", "labels": "t10k-labels-idx1-ubyte.gz"}

    def inputs(self, base: Path) -> list[Path]:
        """Images before labels."""
        named = [self.path] if self.labels is None else [self.path, self.labels]
        return [find_files(base, path, (".idx",))[0] for path in named]

    def header(self, base: Path) -> list[str]:
        path = self.inputs(base)[0]
        shape = read_shape(path, shown(path, base))
        return [*column_names(shape.sizes[1:]), *(["label"] if self.labels is not None else [])]

    def read(self, engine: Engine, base: Path) -> Reading:
        from modelwright.tables.sources.fetching import fetch
        from modelwright.tables.sources.idx_rows import read_idx

        named = [self.path] if self.labels is None else [self.path, self.labels]
        files = [fetch(engine.folder, base, path, (".idx",))[0] for path in named]
        return read_idx(engine, [(file.path, file.shown) for file in files])


PART = Idx
