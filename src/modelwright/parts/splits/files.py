"""Splits by the file that a row came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.columns import Column
from modelwright.core.errors import SpecError
from modelwright.parts.base import Split
from modelwright.parts.rows import group_of

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine

Glob = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Files(Split):
    """Rows of the files that match `test` are test; of the others a share, by hash of the row's id, is validation.

    Where validation has its own files, name them instead of the share. Rows of one entity (the column of that role) are
    validated on together. Choose it for data with an official test file, so that scores can be compared with published
    ones.
    """

    kind: Literal["files"] = "files"
    test: str = Field(min_length=1, description="Glob over file names, such as *_test.csv.")
    validation: Share | Glob = Field(
        0.15, description="Share of the other files' rows that choose among models, or a glob over file names."
    )

    by_file_name: ClassVar[bool] = True
    example: ClassVar[Mapping[str, Any]] = {"test": "*_test.csv"}

    def assign(self, engine: Engine, table: str, columns: Sequence[Column], seed: int) -> None:
        from modelwright.tables.splitting import assign, key_of, share_of

        names = dict(engine.rows("SELECT file, name FROM files"))
        test = self._matching(names, self.test, "test")
        if isinstance(self.validation, str):
            chosen = self._matching(
                {n: name for n, name in names.items() if n not in test}, self.validation, "validation"
            )
            validation = _inside(chosen)
        else:
            share = share_of(key_of(group_of(columns, None, "split")), seed)
            validation = f"{share} < {self.validation!r}"
        sides = f"WHEN {_inside(test)} THEN 'test' WHEN {validation} THEN 'validation'"
        assign(engine, table, f"CASE {sides} ELSE 'learn' END")

    def _matching(self, names: Mapping[int, str], glob: str, side: str) -> list[int]:
        """Numbers of the files that a glob means: some, and not all."""
        found = [number for number, name in names.items() if _matches(name, glob)]
        if not found or len(found) == len(names):
            said = "every file" if found else "no file"
            listed = ", ".join(names.values()) or "none: this reader reads no files"
            raise SpecError(f'"{glob}" matches {said}', where=f"split.{side}", hint=f"files: {listed}")
        return found


def _inside(files: Sequence[int]) -> str:
    from modelwright.tables.engine import quote
    from modelwright.tables.reading import FILE

    return f"{quote(FILE)} IN ({', '.join(map(str, files))})"


def _matches(name: str, glob: str) -> bool:
    return fnmatchcase(name, glob) or fnmatchcase(PurePath(name).name, glob)


PART = Files
