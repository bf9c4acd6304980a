"""There are enough rows, and not too many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from modelwright.core.columns import Column
from modelwright.parts.base import Check

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class RowCount(Check):
    """The number of cleaned rows is in a range: an export that broke off halfway is found before a model is fitted."""

    kind: Literal["row_count"] = "row_count"
    min: int = Field(1, ge=0, description="Fewest rows.")
    max: int | None = Field(None, ge=0, description="Most rows.")

    example: ClassVar[Mapping[str, Any]] = {"min": 1000}

    @model_validator(mode="after")
    def _some_range(self) -> RowCount:
        if self.max is not None and self.min > self.max:
            raise ValueError("`min` is larger than `max`")
        return self

    def violations(self, engine: Engine, table: str, columns: Sequence[Column]) -> tuple[int, str]:
        """The rows that are lacking or too many."""
        from modelwright.tables.engine import quote

        rows = engine.value(f"SELECT count(*) FROM {quote(table)}")
        most = "" if self.max is None else f" and at most {self.max:,}"
        broken = max(self.min - rows, 0 if self.max is None else rows - self.max, 0)
        return broken, f"at least {self.min:,}{most} rows (found {rows:,})"


PART = RowCount
