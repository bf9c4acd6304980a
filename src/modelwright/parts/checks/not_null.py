"""No value may be missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.columns import Column
from modelwright.parts.base import Check
from modelwright.parts.rows import MaxShare, named, violations

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class NotNull(Check):
    """Every row has a value in each of the columns."""

    kind: Literal["not_null"] = "not_null"
    columns: list[str] = Field(min_length=1, description="Columns that must be filled.")
    max_share: MaxShare = 0.0

    example: ClassVar[Mapping[str, Any]] = {"columns": ["duration_min"]}

    def violations(self, engine: Engine, table: str, columns: Sequence[Column]) -> tuple[int, str]:
        from modelwright.tables.engine import literal, quote

        names = [column.name for column in named(self.columns, columns, "not_null.columns")]
        missing = " OR ".join(f"{quote(name)} IS NULL" for name in names)
        first = " ".join(f"WHEN {quote(name)} IS NULL THEN {literal(name)}" for name in names)
        count, example, file = violations(engine, table, missing, f"CASE {first} END")
        said = f"{', '.join(names)}: not missing"
        found = (f' in "{example[0]}"' if len(names) > 1 else "") + file if count else ""
        return count, f"{said} (it is{found})" if found else said


PART = NotNull
