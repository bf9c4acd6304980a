"""Removes columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.columns import Column
from modelwright.core.errors import SpecError
from modelwright.parts.base import Cleaner
from modelwright.parts.rows import selected
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class DropColumns(Cleaner):
    """Forgets columns altogether. To keep one in the tables but away from the model, give it `role: ignore` instead."""

    kind: Literal["drop_columns"] = "drop_columns"
    columns: Selector = Field(description="Columns to remove: names, globs or kinds of column.")

    example: ClassVar[Mapping[str, Any]] = {"columns": ["comment"]}

    def apply(self, engine: Engine, table: str, columns: Sequence[Column]) -> list[Column]:
        from modelwright.tables.engine import quote

        dropped = selected(self.columns, columns, "drop_columns.columns")
        if any(column.role == "target" for column in dropped):
            raise SpecError("the target can't be dropped", where="drop_columns.columns")
        for column in dropped:
            engine.execute(f"ALTER TABLE {quote(table)} DROP COLUMN {quote(column.name)}")
        return [column for column in columns if column not in dropped]


PART = DropColumns
