"""Makes one spelling of text out of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.columns import Column
from modelwright.parts.base import Cleaner
from modelwright.parts.rows import of_types, selected, update
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class Strip(Cleaner):
    """Removes blanks around text, makes one of several inside, and lowers the case if asked: ` Rain` becomes `rain`.

    Text that is empty afterwards is missing. For accents, wide letters and ligatures see normalise_text.
    """

    kind: Literal["strip"] = "strip"
    columns: Selector = Field("text", description="Text columns to work on: names, globs or kinds of column.")
    lower: bool = Field(False, description="Also turn upper case into lower case.")

    example: ClassVar[Mapping[str, Any]] = {"lower": True}

    def apply(self, engine: Engine, table: str, columns: Sequence[Column]) -> list[Column]:
        from modelwright.tables.engine import quote

        chosen = selected(self.columns, columns, "strip.columns")
        of_types(chosen, ("text",), "strip.columns")
        update(engine, table, {column.name: self._sql(quote(column.name)) for column in chosen})
        return list(columns)

    def _sql(self, name: str) -> str:
        text = f"trim(regexp_replace({name}, '[\\s\\x{{a0}}]+', ' ', 'g'))"
        return f"nullif({f'lower({text})' if self.lower else text}, '')"


PART = Strip
