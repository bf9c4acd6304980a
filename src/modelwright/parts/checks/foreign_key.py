"""Values exist in another source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from modelwright.core.columns import Column
from modelwright.core.errors import DataError
from modelwright.core.names import did_you_mean
from modelwright.core.threads import available_threads
from modelwright.core.units import parse_bytes
from modelwright.parts.base import Check, Reader
from modelwright.parts.naming import FromRoom
from modelwright.parts.rows import MaxShare, named, violations

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine

    AnyReader = Reader
else:
    AnyReader = Annotated[Reader, FromRoom("readers")]

KNOWN = "known keys"
MEMORY = parse_bytes("256MB")  # beside prepare.memory, while the other source is read


class References(BaseModel):
    """The columns that hold all keys there are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: AnyReader = Field(description="Where those rows come from.")
    columns: list[str] = Field(min_length=1, description="Its key columns, in the order of the check's.")


class ForeignKey(Check):
    """Each row's key is one of those in another source: no ride without a driver that the list of drivers has.

    A row where a column of the key is missing passes (see not_null). The other source's values are read as the type of
    the column they are compared with; its files are part of what the run depends on.
    """

    kind: Literal["foreign_key"] = "foreign_key"
    columns: list[str] = Field(min_length=1, description="Columns that make the key, together.")
    references: References = Field(description="Where the keys are known: `source` and `columns`.")
    max_share: MaxShare = 0.0

    example: ClassVar[Mapping[str, Any]] = {
        "columns": ["driver_id"],
        "references": {"source": {"kind": "csv", "path": "drivers.csv"}, "columns": ["id"]},
    }

    _base: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _paired(self) -> ForeignKey:
        if len(self.columns) != len(self.references.columns):
            raise ValueError("`columns` and `references.columns` are of different length")
        return self

    def sources(self) -> Sequence[Reader]:
        return (self.references.source,)

    def at(self, base: Path) -> Self:
        placed = self.model_copy()
        placed._base = base
        return placed

    def violations(self, engine: Engine, table: str, columns: Sequence[Column]) -> tuple[int, str]:
        from modelwright.tables.engine import quote

        chosen = named(self.columns, columns, "foreign_key.columns")
        self._read_known(engine, chosen)
        keys = [quote(column.name) for column in chosen]
        filled = " AND ".join(f"{key} IS NOT NULL" for key in keys)
        pairs = zip(keys, range(len(keys)), strict=True)
        same = " AND ".join(f"{quote(table)}.{key} = known.key_{place}" for key, place in pairs)
        unknown = f"{filled} AND NOT EXISTS (SELECT 1 FROM {quote(KNOWN)} AS known WHERE {same})"
        count, example, file = violations(engine, table, unknown, ", ".join(keys))
        engine.execute(f"DROP TABLE {quote(KNOWN)}")
        said = f"{', '.join(self.columns)}: in {', '.join(self.references.columns)} of {self._known_as()}"
        return count, f"{said} (found {', '.join(map(str, example))}{file})" if count else said

    def _known_as(self) -> str:
        """What the other source is called: its file, where it is one."""
        path = getattr(self.references.source, "path", None)
        return path if isinstance(path, str) else f"the {self.references.source.kind} source"

    def _read_known(self, engine: Engine, chosen: Sequence[Column]) -> None:
        """Fill the engine's table of known keys; the other source has an engine, and so tables, of its own."""
        from modelwright.tables.engine import open_engine, quote
        from modelwright.tables.typing import Declared, type_rows

        source, names = self.references.source, self.references.columns
        folder = engine.folder / "references"
        files = source.inputs(self._base)
        with open_engine(folder, memory=MEMORY, threads=available_threads(), readable=files) as other:
            reading = source.open(other, self._base)
            for name in names:
                if name not in reading.columns:
                    raise DataError(
                        f'{self._known_as()} has no column "{name}"{did_you_mean(name, reading.columns)}',
                        where="foreign_key.references.columns",
                        hint=f"it has {', '.join(reading.columns)}",
                    )
            wanted = {name: _declared(column) for name, column in zip(names, chosen, strict=True)}
            unread = Declared("text", "ignore")
            type_rows(other, reading, {name: wanted.get(name, unread) for name in reading.columns}, max_share=1.0)
            listed = ", ".join(f"{quote(name)} AS key_{place}" for place, name in enumerate(names))
            filled = " AND ".join(f"{quote(name)} IS NOT NULL" for name in names)
            known = other.arrow(f"SELECT DISTINCT {listed} FROM rows WHERE {filled}")
        engine.register("given keys", known)
        engine.execute(f"CREATE TABLE {quote(KNOWN)} AS SELECT * FROM {quote('given keys')}")
        engine.register("given keys", known.slice(0, 0))  # lets go of the rows


def _declared(column: Column) -> Any:
    """Compared are values, so that 7 in a file with fractions is the 7 of one without."""
    from modelwright.tables.typing import Declared

    kind = "number" if column.type in ("integer", "number") else "text" if column.type == "category" else column.type
    return Declared(kind, timezone=column.timezone)


PART = ForeignKey
