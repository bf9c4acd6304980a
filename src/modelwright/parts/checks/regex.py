"""Text has a form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from modelwright.core.columns import Column
from modelwright.core.errors import SpecError
from modelwright.parts.base import Check
from modelwright.parts.patterns import checked_pattern
from modelwright.parts.rows import MaxShare, broken, named, of_types

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine


class Regex(Check):
    """Every text matches a regular expression; missing values pass (see not_null).

    For codes with a form: licence plates, postal codes, e-mail addresses. The expressions are those of RE2, so without
    looking ahead and references back; they take linear time on any text.
    """

    kind: Literal["regex"] = "regex"
    columns: list[str] = Field(min_length=1, description="Columns of text.")
    pattern: Annotated[str, AfterValidator(checked_pattern)] = Field(
        min_length=1, description="Regular expression (RE2), such as [A-Z]{2}\\d{4}."
    )
    match: Literal["full", "search"] = Field("full", description="The whole text has to match, or some part of it.")
    max_share: MaxShare = 0.0

    example: ClassVar[Mapping[str, Any]] = {"columns": ["plate"], "pattern": "[A-Z]{2}[0-9]{4}"}

    def violations(self, engine: Engine, table: str, columns: Sequence[Column]) -> tuple[int, str]:
        import duckdb

        from modelwright.tables.engine import literal, quote

        chosen = named(self.columns, columns, "regex.columns")
        of_types(chosen, ("text",), "regex.columns")
        function = "regexp_full_match" if self.match == "full" else "regexp_matches"
        tests = {
            column.name: f"coalesce(NOT {function}({quote(column.name)}, {literal(self.pattern)}), false)"
            for column in chosen
        }
        try:
            return broken(engine, table, tests, f"{', '.join(self.columns)}: {self.match} match of {self.pattern}")
        except duckdb.InvalidInputException as error:
            reason = str(error).splitlines()[0].rpartition(": ")[2]
            raise SpecError(f"{self.pattern!r} is not an expression of RE2: {reason}", where="regex.pattern") from error


PART = Regex
