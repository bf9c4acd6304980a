"""Puts other values in the place of some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from modelwright.core.columns import NUMERIC, Column
from modelwright.core.errors import SpecError
from modelwright.parts.base import Cleaner
from modelwright.parts.patterns import checked_pattern
from modelwright.parts.rows import Value, constant, of_types, selected, update
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class Replace(Cleaner):
    """Maps single values (`values: {"-999": null}`), or rewrites text by a regular expression (`pattern` and `to`).

    For spellings of one thing, and for codes that mean missing in one column only; words that mean missing everywhere
    belong to the reader's `null_words`.
    """

    kind: Literal["replace"] = "replace"
    columns: Selector = Field(description="Columns to work on: names, globs or kinds of column.")
    values: dict[str, Value | None] | None = Field(
        None, min_length=1, description="Old value: new value, null for missing."
    )
    pattern: Annotated[str, AfterValidator(checked_pattern)] | None = Field(
        None, min_length=1, description="Regular expression (RE2); each match is replaced."
    )
    to: str = Field("", description="What matches of the pattern become; \\1 is the first group.")

    example: ClassVar[Mapping[str, Any]] = {"columns": ["age"], "values": {"-999": None}}

    @model_validator(mode="after")
    def _one_way(self) -> Replace:
        if (self.values is None) == (self.pattern is None):
            raise ValueError("give either `values` or `pattern`")
        return self

    def apply(self, engine: Engine, table: str, columns: Sequence[Column]) -> list[Column]:
        import duckdb

        chosen = selected(self.columns, columns, "replace.columns")
        of_types(chosen, ("text",) if self.pattern else ("text", *sorted(NUMERIC)), "replace.columns")
        try:
            update(engine, table, {column.name: self._sql(column) for column in chosen})
        except duckdb.InvalidInputException as error:
            reason = str(error).splitlines()[0]
            raise SpecError(
                f"{self.pattern!r} is not a regular expression of RE2: {reason}", where="replace"
            ) from error
        return list(columns)

    def _sql(self, column: Column) -> str:
        from modelwright.tables.engine import literal, quote

        name = quote(column.name)
        if self.pattern is not None:
            return f"nullif(regexp_replace({name}, {literal(self.pattern)}, {literal(self.to)}, 'g'), '')"
        cases = " ".join(
            f"WHEN {constant(column, old, 'replace.values')} THEN {constant(column, new, 'replace.values')}"
            for old, new in (self.values or {}).items()
        )
        return f"CASE {name} {cases} ELSE {name} END"


PART = Replace
