"""Removes rows that were recorded more than once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from modelwright.core.columns import Column
from modelwright.parts.base import Cleaner
from modelwright.parts.rows import delete, named

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine

DESCENDING, ASCENDING = " desc", " asc"


class DropDuplicates(Cleaner):
    """Keeps one of the rows that agree on `keys`, or on everything where no keys are given.

    Kept is the first row in the source's order, or the last; with `order` the first or the last when sorted by that
    column: `order: updated_at, keep: last` (or `order: updated_at desc`) keeps the newest version. A row without a
    value in that column is kept only if no other has one, and among equals the source's order decides.

    A row whose key is missing is nobody's duplicate. Choose it when the same thing was recorded twice: a row that is
    in learn and in test makes the test too easy.
    """

    kind: Literal["drop_duplicates"] = "drop_duplicates"
    keys: list[str] | None = Field(None, min_length=1, description="Columns that name a row; default: all of them.")
    keep: Literal["first", "last"] = Field("first", description="Which of them stays.")
    order: str | None = Field(
        None, min_length=1, description="Column that says what comes first, with ` desc` for falling order."
    )

    row_wise: ClassVar[bool] = False
    example: ClassVar[Mapping[str, Any]] = {"keys": ["ride_id"]}

    @model_validator(mode="after")
    def _ordered_by_key(self) -> DropDuplicates:
        if self.order is not None and self.keys is None:
            raise ValueError("`order` needs `keys`: rows that agree on everything can't be ordered")
        return self

    def apply(self, engine: Engine, table: str, columns: Sequence[Column]) -> list[Column]:
        from modelwright.tables.engine import quote

        names = self.keys or [column.name for column in columns]
        keys = [quote(column.name) for column in named(names, columns, "drop_duplicates.keys")]
        known = " AND ".join(f"{key} IS NOT NULL" for key in keys) if self.keys else "true"
        kept = f"SELECT {self._kept(columns)} FROM {quote(table)} GROUP BY {', '.join(keys)}"
        delete(engine, table, f"{known} AND rowid NOT IN ({kept})")
        return list(columns)

    def _kept(self, columns: Sequence[Column]) -> str:
        """SQL for the row of each group that stays."""
        from modelwright.tables.engine import quote

        if self.order is None:
            return "min(rowid)" if self.keep == "first" else "max(rowid)"
        falling = self.order.endswith(DESCENDING)
        name = self.order.removesuffix(DESCENDING).removesuffix(ASCENDING).strip()
        by = quote(named([name], columns, "drop_duplicates.order")[0].name)
        smallest = (self.keep == "first") is not falling
        missing = f"{by} IS NULL" if smallest else f"{by} IS NOT NULL"  # a struct with NULL sorts last
        place = "rowid" if smallest is (self.keep == "first") else "-rowid"
        chosen = f"{'min' if smallest else 'max'}(struct_pack(a := {missing}, b := {by}, c := {place})).c"
        return chosen if place == "rowid" else f"-({chosen})"


PART = DropDuplicates
