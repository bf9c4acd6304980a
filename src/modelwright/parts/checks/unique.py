"""No two rows agree on a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.columns import Column
from modelwright.parts.base import Check
from modelwright.parts.rows import MaxShare, named, violations

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class Unique(Check):
    """The columns together name a row; rows where one of them is missing are not compared.

    Counted is every row whose key an earlier row has already. To remove such rows, see drop_duplicates.
    """

    kind: Literal["unique"] = "unique"
    columns: list[str] = Field(min_length=1, description="Columns that make the key, together.")
    max_share: MaxShare = 0.0

    example: ClassVar[Mapping[str, Any]] = {"columns": ["ride_id"]}

    def violations(self, engine: Engine, table: str, columns: Sequence[Column]) -> tuple[int, str]:
        from modelwright.tables.engine import quote

        keys = [quote(column.name) for column in named(self.columns, columns, "unique.columns")]
        known = " AND ".join(f"{key} IS NOT NULL" for key in keys)
        first = f"SELECT min(rowid) FROM {quote(table)} GROUP BY {', '.join(keys)}"
        shown = f"concat_ws(', ', {', '.join(f'{key}::VARCHAR' for key in keys)})"
        count, example, file = violations(engine, table, f"{known} AND rowid NOT IN ({first})", shown)
        said = f"{', '.join(self.columns)}: unique"
        return count, f"{said} (found again: {example[0]}{file})" if count else said


PART = Unique
