"""What cleaners, checks and splits share: finding the columns that a spec names in a table of the engine."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from modelwright.core.columns import Column
from modelwright.core.errors import SpecError
from modelwright.core.names import did_you_mean
from modelwright.parts.selectors import select

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine

Value = str | float | bool  # of a column, as a spec writes it


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


def violations(engine: Engine, table: str, condition: str, shown: str) -> tuple[int, Any]:
    """How many rows meet an SQL condition, and the value of `shown` in the first of them."""
    from modelwright.tables.engine import quote

    count = engine.value(f"SELECT count(*) FROM {quote(table)} WHERE {condition}")
    example = f"SELECT {shown} FROM {quote(table)} WHERE {condition} ORDER BY rowid LIMIT 1"
    return count, engine.value(example) if count else None
