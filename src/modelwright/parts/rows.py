"""What cleaners, checks and splits share: finding the columns that a spec names in a table of the engine."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from modelwright.core.columns import Column
from modelwright.core.errors import SpecError
from modelwright.core.names import did_you_mean
from modelwright.parts.selectors import select

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine

Value = str | float | bool  # of a column, as a spec writes it
MaxShare = Annotated[float, Field(ge=0, lt=1, description="Share of all rows that may break it before it fails.")]


def named(names: Iterable[str], columns: Sequence[Column], where: str) -> list[Column]:
    """The columns of these names. SpecError with a near miss when there is none."""
    known = {column.name: column for column in columns}
    for name in names:
        if name not in known:
            raise SpecError(
                f'no column "{name}"{did_you_mean(name, known)}', where=where, hint=f"columns: {', '.join(known)}"
            )
    return [known[name] for name in names]


def selected(selector: str | list[str], columns: Sequence[Column], where: str) -> list[Column]:
    """The columns that a selector means. Kinds and globs mean inputs; target, id, … are found by name only.

    Whether text is categorical is decided on learn, so at this point `text` and `categorical` mean the same.
    """
    words = [selector] if isinstance(selector, str) else selector
    types = {column.name: "category" if column.type == "text" else column.type for column in columns}
    by_name_only = frozenset(column.name for column in columns if column.role != "input")
    same = {"text": "categorical", "not:text": "not:categorical"}
    try:
        found = select([word if word in types else same.get(word, word) for word in words], types, by_name_only)
    except SpecError as error:
        problem = error.problems[0]
        raise SpecError(problem.message, where=where, hint=problem.hint) from error
    return named(found, columns, where)


def of_types(chosen: Iterable[Column], types: Iterable[str], where: str) -> None:
    """SpecError when a column is of another type."""
    for column in chosen:
        if column.type not in types:
            raise SpecError(
                f'"{column.name}" is of type {column.type}', where=where, hint=f"needed: {', '.join(types)}"
            )


def column_types(columns: Iterable[Column]) -> dict[str, str]:
    return {column.name: column.type for column in columns}


def constant(column: Column, value: Value | None, where: str) -> str:
    """A value as SQL of the column's type. SpecError when it can't be one."""
    from modelwright.tables.engine import literal

    if value is None or value == "":
        return "NULL"
    if column.type == "text":
        return literal(str(value))
    if column.type == "boolean" and str(value).lower() in ("true", "false"):
        return str(value).lower()
    if column.type in ("number", "integer") and not isinstance(value, bool):
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if math.isfinite(number) and (column.type == "number" or number.is_integer()):
            return f"{number!r}::DOUBLE" if column.type == "number" else f"{int(number)}::BIGINT"
    raise SpecError(f'{value!r} can\'t be a value of "{column.name}", which is of type {column.type}', where=where)


def group_of(columns: Sequence[Column], group: str | None, where: str) -> str | None:
    """The column whose equal values belong together: the one named, else that of role entity."""
    if group is not None:
        return named([group], columns, where)[0].name
    return next((column.name for column in columns if column.role == "entity"), None)


def unknown_columns(engine: Engine, table: str, names: Collection[str], columns: Sequence[Column]) -> frozenset[str]:
    """Those of the names that no row has and that are no inputs: new rows come without the target, say.

    Such values are not missing but not known, so a condition on them decides nothing.
    """
    from modelwright.tables.engine import quote

    outside = [column.name for column in columns if column.name in names and column.role != "input"]
    counts = ", ".join(f"count({quote(name)})" for name in outside)
    found = engine.rows(f"SELECT {counts} FROM {quote(table)}")[0] if outside else ()
    return frozenset(name for name, count in zip(outside, found, strict=True) if count == 0)


def delete(engine: Engine, table: str, condition: str) -> None:
    """Take out the rows that meet an SQL condition; those that stay keep their `rowid`, and are not copied."""
    from modelwright.tables.engine import quote

    engine.execute(f"DELETE FROM {quote(table)} WHERE {condition}")


def update(engine: Engine, table: str, values: Mapping[str, str]) -> None:
    """Put SQL values of the same type in the place of columns; the other columns are not copied."""
    from modelwright.tables.engine import quote

    if values:
        listed = ", ".join(f"{quote(name)} = {value}" for name, value in values.items())
        engine.execute(f"UPDATE {quote(table)} SET {listed}")


def retype(engine: Engine, table: str, name: str, sql_type: str, value: str) -> None:
    """Give a column another type, in its place."""
    from modelwright.tables.engine import quote

    engine.execute(f"ALTER TABLE {quote(table)} ALTER {quote(name)} TYPE {sql_type} USING {value}")


def broken(engine: Engine, table: str, tests: Mapping[str, str], said: str) -> tuple[int, str]:
    """How many rows meet any of the SQL conditions, each of one column, and `said` with what the first of them holds.

    Conditions are never NULL.
    """
    from modelwright.tables.engine import quote

    shown = ", ".join(f"CASE WHEN {test} THEN {quote(name)} END" for name, test in tests.items())
    count, example, file = violations(engine, table, " OR ".join(tests.values()), shown)
    if not count:
        return 0, said
    values = ", ".join(f"{name} = {value}" for name, value in zip(tests, example, strict=True) if value is not None)
    return count, f"{said} (found {values or 'it missing'}{file})"


def violations(engine: Engine, table: str, condition: str, shown: str) -> tuple[int, tuple[Any, ...], str]:
    """How many rows meet an SQL condition; the values of `shown` in the first of them; and ` in FILE`, of several."""
    from modelwright.tables.engine import quote

    count = int(engine.value(f"SELECT count(*) FROM {quote(table)} WHERE {condition}"))
    if not count:
        return 0, (), ""
    query = f"SELECT {file_name(engine, table)}, {shown} FROM {quote(table)} WHERE {condition} ORDER BY rowid LIMIT 1"
    name, *values = engine.rows(query)[0]
    several = name is not None and engine.value("SELECT count(*) FROM files") > 1
    return count, tuple(values), f" in {name}" if several else ""


def file_name(engine: Engine, table: str) -> str:
    """SQL for the name of the file that a row of `table` is from; NULL where rows are from no file."""
    from modelwright.tables.engine import quote
    from modelwright.tables.reading import FILE

    tables = {name for (name,) in engine.rows("SELECT table_name FROM duckdb_tables()")}
    if "files" not in tables or all(name != FILE for name, _ in engine.columns(table)):
        return "NULL"
    return f"(SELECT name FROM files WHERE files.file = {quote(table)}.{quote(FILE)})"
