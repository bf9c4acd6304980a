"""Splits as a column of the data says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from modelwright.core.columns import Column
from modelwright.core.errors import DataError, SpecError
from modelwright.parts.base import Split
from modelwright.parts.rows import Value, constant, group_of, named

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine

Values = Annotated[Sequence[Value], Field(min_length=1)]
Share = Annotated[float, Field(ge=0, lt=1)]


class ByColumn(Split):
    """The side of a row is what `column` says; the column is then no input, and new rows need not have it.

    Choose it for data that comes with its own split, so that scores can be compared with published ones. Where there
    are no validation (or test) rows, give a share instead: so many of the learn rows then play that part, drawn by hash
    of the row's id (or group, the column of role entity). Values that are not listed are an error, as are missing ones.
    """

    kind: Literal["column"] = "column"
    column: str = Field(min_length=1, description="Column that says which side a row is on.")
    learn: Values = Field(["learn", "train"], description="Its values for rows that models are fitted on.")
    validation: Share | Values = Field(
        ["validation", "valid", "val", "dev"],
        description="Its values for rows that choose among models, or a share of the learn rows.",
    )
    test: Share | Values = Field(
        ["test"], description="Its values for rows that only evaluate sees, or a share of the learn rows."
    )

    example: ClassVar[Mapping[str, Any]] = {"column": "fold"}

    @model_validator(mode="after")
    def _told_apart(self) -> ByColumn:
        seen: dict[str, str] = {}
        for side, values in self._listed().items():
            for value in values:
                if seen.setdefault(str(value), side) != side:
                    raise ValueError(f"{value!r} stands for {seen[str(value)]} and for {side}")
        if sum(share for share in (self.validation, self.test) if isinstance(share, float)) >= 1:
            raise ValueError("`validation` and `test` leave nothing to learn from")
        return self

    def spent(self) -> tuple[str, ...]:
        return (self.column,)

    def assign(self, engine: Engine, table: str, columns: Sequence[Column], seed: int) -> None:
        from modelwright.tables.splitting import assign, key_of, share_of

        column = named([self.column], columns, "split.column")[0]
        if column.role == "target":
            raise SpecError(f'"{column.name}" is the target; it can\'t say the split too', where="split.column")
        inside = {side: self._values(column, values, side) for side, values in self._listed().items()}
        known = " OR ".join(test for test in inside.values())
        self._check(engine, table, column, known)
        self._check_sides(engine, table, column, inside)
        share = share_of(key_of(group_of(columns, None, "split")), seed)
        test = self.test if isinstance(self.test, float) else 0.0
        validation = self.validation if isinstance(self.validation, float) else 0.0
        sides = [f"WHEN {inside[side]} THEN '{side}'" for side in ("validation", "test") if side in inside]
        sides += [f"WHEN {share} < {test!r} THEN 'test'"] if test else []
        sides += [f"WHEN {share} < {test + validation!r} THEN 'validation'"] if validation else []
        assign(engine, table, f"CASE {' '.join(sides)} ELSE 'learn' END" if sides else "'learn'")

    def _listed(self) -> dict[str, Sequence[Value]]:
        sides = {"learn": self.learn, "validation": self.validation, "test": self.test}
        return {side: values for side, values in sides.items() if isinstance(values, Sequence)}

    def _values(self, column: Column, values: Sequence[Value], side: str) -> str:
        """SQL that holds for rows of these values; the words that are listed by default only mean text."""
        from modelwright.tables.engine import quote

        if side not in self.model_fields_set and column.type != "text":
            return "false"
        written = [f"{value:g}" if isinstance(value, float) and column.type == "text" else value for value in values]
        listed = [constant(column, value, f"split.{side}") for value in written]
        return f"coalesce({quote(column.name)} IN ({', '.join(listed)}), false)"

    def _check(self, engine: Engine, table: str, column: Column, known: str) -> None:
        """DataError when a row's side is not said."""
        from modelwright.tables.engine import quote

        name = quote(column.name)
        wrong = (
            f"SELECT {name}::VARCHAR, count(*) FROM {quote(table)} WHERE NOT ({known}) GROUP BY 1 ORDER BY 2 DESC, 1"
        )
        found = engine.rows(wrong)
        if not found:
            return
        listed = ", ".join(f"{'no value' if value is None else repr(value)} ({count:,})" for value, count in found[:5])
        rest = f" and {len(found) - 5:,} other values" if len(found) > 5 else ""
        raise DataError(
            f'"{column.name}" says no side in {sum(count for _, count in found):,} rows: {listed}{rest}',
            where="prepare.split",
            hint="list them under learn, validation or test, or take those rows out with drop_rows",
        )

    def _check_sides(self, engine: Engine, table: str, column: Column, inside: Mapping[str, str]) -> None:
        """DataError when no row is of a side that a list of values stands for."""
        from modelwright.tables.engine import quote

        for side, test in inside.items():
            if engine.value(f"SELECT 1 FROM {quote(table)} WHERE {test} LIMIT 1") is None:
                listed = ", ".join(str(value) for value in self._listed()[side])
                raise DataError(
                    f'no row is for {side}: "{column.name}" holds none of {listed}',
                    where="prepare.split",
                    hint=f"list its values under {side}"
                    + ("" if side == "learn" else f", or {side}: 0.15 of learn, or 0"),
                )


PART = ByColumn
