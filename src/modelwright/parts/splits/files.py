"""Splits by the file that a row came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.columns import Column
from modelwright.core.errors import SpecError
from modelwright.parts.base import Split
from modelwright.parts.rows import group_of

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class Files(Split):
    """Rows of the files that match `test` are test; of the others a share, by hash of the row's id, is validation.

    Rows of one entity (the column of that role) are validated on together.
    Choose it for data with an official test file, so that scores can be compared with published ones.
    """

    kind: Literal["files"] = "files"
    test: str = Field(min_length=1, description="Glob over file names, such as *_test.csv.")
    validation: float = Field(0.15, ge=0, lt=1, description="Share of the other files' rows that choose among models.")

    by_file_name: ClassVar[bool] = True
    example: ClassVar[Mapping[str, Any]] = {"test": "*_test.csv"}

    def assign(self, engine: Engine, table: str, columns: Sequence[Column], seed: int) -> None:
        from modelwright.tables.engine import quote
        from modelwright.tables.reading import FILE
        from modelwright.tables.splitting import assign, key_of, share_of

        names = dict(engine.rows("SELECT file, name FROM files"))
        test = [number for number, name in names.items() if self._matches(name)]
        if not test or len(test) == len(names):
            said = "every file" if test else "no file"
            listed = ", ".join(names.values()) or "none: this reader reads no files"
            raise SpecError(f'"{self.test}" matches {said}', where="split.test", hint=f"files: {listed}")
        share = share_of(key_of(group_of(columns, None, "split")), seed)
        validation = f"{share} < {self.validation!r}"
        inside = f"{quote(FILE)} IN ({', '.join(map(str, test))})"
        assign(engine, table, f"CASE WHEN {inside} THEN 'test' WHEN {validation} THEN 'validation' ELSE 'learn' END")

    def _matches(self, name: str) -> bool:
        return fnmatchcase(name, self.test) or fnmatchcase(PurePath(name).name, self.test)


PART = Files
