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
STRATUM = "__stratum__"  # a column while the split is made


class Stratified(Split):
    """At random within each class of the target (or of `column`), with exact shares; duplicates never straddle.

    Choose it for classification, above all when a class is rare. Rows may change sides when data grows. Of a class of
    n rows, `round(n * share)` go to a side: of one with three rows none may.
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
        target = next((column.name for column in columns if column.role == "target"), None)
        name = self.column or target
        if name is None:
            raise SpecError(
                "there is no target whose mix a stratified split could keep",
                where="prepare.split",
                hint="name a column: {kind: stratified, column: …}, or use {kind: random}",
            )
        stratum = quote(named([name], columns, "split.column")[0].name)
        if engine.value(f"SELECT count(DISTINCT {stratum}) FROM {quote(table)}") > MOST_CLASSES:
            raise SpecError(
                f'"{name}" has too many values to keep the mix of', where="split.column", hint="kind: random"
            )
        self._write_strata(engine, table, stratum)
        share = share_of(key_of(None), seed)
        self._write_cuts(engine, table, share)
        side = f"CASE WHEN {share} <= cuts.test_end THEN 'test' WHEN {share} <= cuts.validation_end THEN 'validation' "
        same = f"cuts.stratum IS NOT DISTINCT FROM {quote(table)}.{STRATUM}"
        assign(engine, table, f"{side} ELSE 'learn' END", f"FROM cuts WHERE {same}")
        engine.execute("DROP TABLE cuts")
        engine.execute(f"ALTER TABLE {quote(table)} DROP COLUMN {STRATUM}")

    def _write_strata(self, engine: Engine, table: str, stratum: str) -> None:
        """The column STRATUM: rows with one digest are of one stratum, and so share a side, even if they disagree."""
        from modelwright.tables.engine import quote

        digest, of_table = quote(ROW_DIGEST), f"FROM {quote(table)}"
        engine.execute(f"ALTER TABLE {quote(table)} ADD COLUMN {STRATUM} VARCHAR")
        engine.execute(f"UPDATE {quote(table)} SET {STRATUM} = {stratum}::VARCHAR")
        torn = f"SELECT {digest} AS digest, min({STRATUM}) AS least {of_table} GROUP BY 1 HAVING count(*) > 1 "
        torn += f"AND (min({STRATUM}) <> max({STRATUM}) OR count({STRATUM}) BETWEEN 1 AND count(*) - 1)"
        same = f"torn.digest = {quote(table)}.{digest}"  # the data may have columns of these names
        engine.execute(f"UPDATE {quote(table)} SET {STRATUM} = torn.least FROM ({torn}) AS torn WHERE {same}")

    def _write_cuts(self, engine: Engine, table: str, share: str) -> None:
        """The table `cuts`: of each stratum the shares up to which rows are test, and validation."""
        from modelwright.tables.engine import quote

        test, validation = f"round(size * {self.test!r})", f"round(size * {self.validation!r})"
        ranked = (
            "SELECT *, row_number() OVER (PARTITION BY stratum ORDER BY share) AS rank, "
            "count(*) OVER (PARTITION BY stratum) AS size "
            f"FROM (SELECT {STRATUM} AS stratum, {share} AS share FROM {quote(table)})"
        )
        engine.execute(
            f"CREATE TABLE cuts AS SELECT stratum, coalesce(max(share) FILTER (rank <= {test}), -1) AS test_end, "
            f"coalesce(max(share) FILTER (rank <= {test} + {validation}), -1) AS validation_end "
            f"FROM ({ranked}) GROUP BY stratum"
        )


PART = Stratified
