"""Removes rows that were recorded more than once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.columns import Column
from modelwright.parts.base import Cleaner
from modelwright.parts.rows import named

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class DropDuplicates(Cleaner):
    """Keeps the first of the rows that agree on `keys`, or on everything where no keys are given.

    A row whose key is missing is nobody's duplicate. Choose it when the same thing was recorded twice: a row that is in
    learn and in test makes the test too easy.
    """

    kind: Literal["drop_duplicates"] = "drop_duplicates"
    keys: list[str] | None = Field(None, min_length=1, description="Columns that name a row; default: all of them.")

    row_wise: ClassVar[bool] = False
    example: ClassVar[Mapping[str, Any]] = {"keys": ["ride_id"]}

    def apply(self, engine: Engine, table: str, columns: Sequence[Column]) -> list[Column]:
        from modelwright.tables.engine import quote

        names = self.keys or [column.name for column in columns]
        keys = [quote(column.name) for column in named(names, columns, "drop_duplicates.keys")]
        nobodys = " OR ".join(f"{key} IS NULL" for key in keys) if self.keys else "false"
        first = f"SELECT min(rowid) FROM {quote(table)} GROUP BY {', '.join(keys)}"
        engine.replace(table, f"SELECT * FROM {quote(table)} WHERE rowid IN ({first}) OR {nobodys} ORDER BY rowid")
        return list(columns)


PART = DropDuplicates
