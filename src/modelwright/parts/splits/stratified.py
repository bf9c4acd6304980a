"""Splits each class by itself, so that all sides have the same mix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from modelwright.core.columns import ROW_DIGEST, Column
from modelwright.core.errors import SpecError
from modelwright.parts.base import Split
from modelwright.parts.rows import named

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine

MOST_CLASSES = 1000


class Stratified(Split):
    """At random within each class of the target (or of `column`), with exact shares; duplicates never straddle.

    Choose it for classification, above all when a class is rare. Rows may change sides when data grows.
    """

    kind: Literal["stratified"] = "stratified"
    validation: float = Field(0.15, ge=0, lt=1, description="Share of rows that choose among models.")
    test: float = Field(0.15, ge=0, lt=1, description="Share of rows that only evaluate sees.")
    column: str | None = Field(None, description="Column whose mix is kept; default: the target.")

    @model_validator(mode="after")
    def _some_left(self) -> Stratified:
        if self.validation + self.test >= 1:
            raise ValueError("`validation` and `test` leave nothing to learn from")
        return self

    def assign(self, engine: Engine, table: str, columns: Sequence[Column], seed: int) -> None:
        from modelwright.tables.engine import quote
        from modelwright.tables.splitting import assign, key_of, share_of

        entities = [column.name for column in columns if column.role == "entity"]
        if entities:
            raise SpecError(
                f'a stratified split would tear apart the rows of one "{entities[0]}"',
                where="prepare.split",
                hint="use {kind: random}, which keeps groups together, or {kind: time}",
            )
        name = self.column or next(column.name for column in columns if column.role == "target")
        stratum = quote(named([name], columns, "split.column")[0].name)
        if engine.value(f"SELECT count(DISTINCT {stratum}) FROM {quote(table)}") > MOST_CLASSES:
            raise SpecError(
                f'"{name}" has too many values to keep the mix of', where="split.column", hint="kind: random"
            )
        order = share_of(key_of(None), seed)
        # Rows with the same digest are of one stratum, whatever they say, and share a rank there, so they share a side.
        own = f"min({stratum}) OVER (PARTITION BY {quote(ROW_DIGEST)})"
        strata = f"SELECT rowid AS __position__, *, {own} AS __stratum__ FROM {quote(table)}"
        source = (
            f"SELECT * EXCLUDE (__stratum__), count(*) OVER (PARTITION BY __stratum__) AS __size__, "
            f"rank() OVER (PARTITION BY __stratum__ ORDER BY {order}) - 1 AS __rank__ FROM ({strata})"
        )
        test, validation = f"round(__size__ * {self.test!r})", f"round(__size__ * {self.validation!r})"
        split = f"CASE WHEN __rank__ < {test} THEN 'test' WHEN __rank__ < {test} + {validation} THEN 'validation' "
        assign(engine, table, f"{split} ELSE 'learn' END", source)
        engine.replace(table, f"SELECT * EXCLUDE (__rank__, __size__) FROM {quote(table)} ORDER BY rowid")


PART = Stratified
