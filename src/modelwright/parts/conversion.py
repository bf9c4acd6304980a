"""Another type for a column's values: shared by the cleaners that give one and the check that one could be given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from modelwright.core.columns import Column
from modelwright.core.errors import DataError, SpecError
from modelwright.parts.rows import delete, file_name, named, retype

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine

NewType = Literal["number", "integer", "boolean", "text", "timestamp"]
Failed = Literal["error", "reject", "missing"]
SQL_TYPES = {"number": "DOUBLE", "integer": "BIGINT", "boolean": "BOOLEAN", "text": "VARCHAR", "timestamp": "TIMESTAMP"}
WANTED = {
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "text": "text",
    "timestamp": "a time in a known format",
}


@dataclass(frozen=True)
class Conversion:
    """To which type, and how text is to be read."""

    to: NewType
    decimal: str = "."
    formats: tuple[str, ...] = ()
    timezone: str | None = None

    def sql(self, column: Column) -> str:
        """The column's values in the new type, NULL where they can't be. SpecError where none ever can."""
        from modelwright.tables import parsing
        from modelwright.tables.engine import quote

        value = quote(column.name)
        kind = "text" if column.type == "category" else column.type
        if kind == self.to:
            return value
        if self.to == "text":
            return _as_text(value, kind)
        if kind == "text":
            number = parsing.number(value, self.decimal)
            return {
                "number": number,
                "integer": parsing.integer(number),
                "boolean": parsing.boolean(value),
                "timestamp": parsing.timestamp(value, self.formats, self.timezone),
            }[self.to]
        if kind == "timestamp" or self.to == "timestamp":
            raise SpecError(f'"{column.name}" is of type {kind}, which is never a {self.to}')
        if self.to == "boolean":
            return f"CASE {value} WHEN 1 THEN true WHEN 0 THEN false END"
        return f"{value}::DOUBLE" if self.to == "number" else parsing.integer(f"{value}::DOUBLE")


def matching(words: Sequence[str], names: Sequence[str]) -> list[str]:
    """The names that any of the names and globs mean."""
    return [name for name in names if any(name == word or fnmatchcase(name, word) for word in words)]


def convert(
    engine: Engine,
    table: str,
    columns: Sequence[Column],
    words: Sequence[str],
    conversion: Conversion,
    failed: Failed,
    where: str,
) -> list[Column]:
    """Give the columns that the words mean the new type. DataError for values that can't have it, unless allowed."""
    names = [column.name for column in columns]
    for word in words:
        if not matching([word], names):
            named([word], columns, where)  # says what is near
    wanted = [column for column in columns if column.name in matching(words, names) and column.type != conversion.to]
    for column in wanted:
        _check_zone(engine, table, column, conversion)
        _convert(engine, table, columns, column, conversion, failed)
    zone = (conversion.timezone or "UTC") if conversion.to == "timestamp" else None
    return [replace(one, type=conversion.to, timezone=zone) if one in wanted else one for one in columns]


def _convert(
    engine: Engine, table: str, columns: Sequence[Column], column: Column, conversion: Conversion, failed: Failed
) -> None:
    from modelwright.tables.engine import literal, quote
    from modelwright.tables.reading import VALUE_SHOWN

    name, value = quote(column.name), conversion.sql(column)
    fault = f"({name} IS NOT NULL AND {value} IS NULL)"
    if failed != "missing" and engine.value(f"SELECT count(*) FROM {quote(table)} WHERE {fault}"):
        ids = [f"' ({one.name} ' || {quote(one.name)}::VARCHAR || ')'" for one in columns if one.role == "id"]
        reason = f"concat({', '.join([literal(f'is not {WANTED[conversion.to]}'), *ids])})"
        shown = f"{literal(column.name)}, left({name}::VARCHAR, {VALUE_SHOWN}), {reason}"
        refused = f"SELECT {file_name(engine, table)}, NULL, {shown} FROM {quote(table)} WHERE {fault} ORDER BY rowid"
        if failed == "error":
            raise _failed(engine, table, column, conversion, fault, refused)
        engine.execute(f"INSERT INTO rejects {refused}")
        delete(engine, table, fault)
    retype(engine, table, column.name, SQL_TYPES[conversion.to], value)


def _failed(engine: Engine, table: str, column: Column, conversion: Conversion, fault: str, refused: str) -> DataError:
    from modelwright.tables.engine import quote

    count = engine.value(f"SELECT count(*) FROM {quote(table)} WHERE {fault}")
    lines = [
        f'  {f"{file}: " if file else ""}"{value}" {reason}'
        for file, _, _, value, reason in engine.rows(f"{refused} LIMIT 3")
    ]
    return DataError(
        f'{count:,} values of "{column.name}" are not {WANTED[conversion.to]}:\n' + "\n".join(lines),
        hint="clean them first, or say failed: missing or failed: reject",
    )


def _check_zone(engine: Engine, table: str, column: Column, conversion: Conversion) -> None:
    """SpecError for a format that is none; DataError for a time of day of which nobody says in which zone it is."""
    import duckdb

    from modelwright.tables import parsing
    from modelwright.tables.engine import literal, quote

    if conversion.to != "timestamp" or column.type not in ("text", "category"):
        return
    for form in conversion.formats:
        try:
            engine.value(f"SELECT try_strptime('', {literal(form)})" if form != parsing.ISO else "SELECT 1")
        except duckdb.InvalidInputException as error:
            reason = str(error).splitlines()[0].rpartition(": ")[2]
            raise SpecError(f'"{form}" is not a date format: {reason}') from error
    if conversion.timezone is None:
        local = parsing.local_time(quote(column.name), conversion.formats)
        found = f"SELECT {quote(column.name)} FROM {quote(table)} WHERE {local} ORDER BY rowid LIMIT 1"
        example = engine.value(found)
        if example is not None:
            raise DataError(f'"{column.name}": "{example}" names no time zone', hint="timezone: UTC, or where it was")


def _as_text(value: str, kind: str) -> str:
    """Whole numbers without `.0`, times as ISO 8601 in UTC."""
    if kind == "timestamp":
        return f"strftime({value}, '%Y-%m-%dT%H:%M:%S') || 'Z'"
    if kind == "number":
        whole = f"{value} = trunc({value}) AND abs({value}) < 1e15"
        return f"CASE WHEN {whole} THEN {value}::BIGINT::VARCHAR ELSE {value}::VARCHAR END"
    return f"{value}::VARCHAR"
