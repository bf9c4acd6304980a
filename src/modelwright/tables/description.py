"""Describes the columns of learn: ranges, categories, classes, and whether values are ever missing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from modelwright.core.columns import NUMERIC, Column
from modelwright.core.errors import DataError
from modelwright.core.spelling import spelling_hint
from modelwright.tables.engine import Engine, literal, quote
from modelwright.tables.reading import SPLIT

FEW = 20  # so few different texts are categories, however few rows there are
MOST_CATEGORIES = 1000
MOST_DECLARED = 100_000  # where the spec says that a column is one of categories
LEARN = f"{quote(SPLIT)} = 'learn'"
TEXTS = ("text", "category")
TOGETHER = 100  # columns in one query
TELLING = 4  # columns of numbers that seldom repeat together
FIRST = 20_000  # rows that tell at little cost of many different values
Facts = Mapping[str, Any]  # of a column of learn: rows, missing, minimum, maximum; of texts distinct, and few values


def describe(
    engine: Engine,
    columns: Sequence[Column],
    nullable: Mapping[str, bool],
    filled: Collection[str],
    categories: Collection[str] = (),
) -> tuple[list[Column], dict[str, Facts]]:
    """The columns with all that learn says of them, and the figures behind it.

    `nullable` is what the spec says, as are `categories`: texts that are some, however many values they have. `filled`
    are columns that a feature step fills, so that they may be missing later.
    """
    figures, described = _figures(engine, columns), []
    for column in columns:
        name, facts = column.name, figures[column.name]
        column = _described(column, facts, nullable.get(name), name in filled)
        if column.type == "text" and column.role == "input" and _is_category(name, facts, name in categories):
            values = _values(engine, name, LEARN) if facts["values"] is None else facts["values"]
            column = replace(column, type="category", categories=tuple(values))
        described.append(column)
    return described, figures


def check_class_like(engine: Engine, target: Column) -> None:
    """DataError for a target of fractions or of times, which no split could spread class by class."""
    if target.type == "timestamp":
        raise DataError(f'the target "{target.name}" is a timestamp, not a class')
    if target.type == "number":
        name = quote(target.name)
        fraction = engine.value(f"SELECT {name} FROM rows WHERE {name} <> trunc({name}) OR abs({name}) > 9e15 LIMIT 1")
        if fraction is not None:
            raise DataError(
                f'the target "{target.name}" holds numbers such as {fraction:g}, not classes',
                hint="task: {kind: regression}, or drop_rows that should not be there",
            )


def classes_of(engine: Engine, target: Column) -> tuple[Column, tuple[Any, ...]]:
    """The classes of learn, sorted by value, and the target as a column of them.

    DataError for classes that learn does not have but validation or test do.
    """
    name = quote(target.name)
    if target.type == "number":
        engine.replace("rows", f"SELECT * REPLACE ({name}::BIGINT AS {name}) FROM rows ORDER BY rowid")
        target = replace(target, type="integer")
    known = _values(engine, target.name, LEARN)
    for value in _values(engine, target.name, f"NOT {LEARN}"):
        if value not in known:
            where = engine.value(f"SELECT min({quote(SPLIT)}) FROM rows WHERE {name} = {literal(str(value))}")
            raise DataError(
                f'class {value!r} of "{target.name}" occurs in {where} but not in learn',
                hint=spelling_hint(target.name, [*map(str, known), str(value)])
                or "use {kind: stratified}, or drop so rare a class with drop_rows",
            )
    if target.type in ("text", "category"):
        target = replace(target, type="category", categories=tuple(str(value) for value in known))
    return target, tuple(known)


def with_values(engine: Engine, labels: Column) -> Column:
    """Labels that are texts, as a category of all their values; others as they are."""
    if labels.type not in ("text", "category"):
        return labels
    return replace(labels, type="category", categories=tuple(map(str, _values(engine, labels.name, "TRUE"))))


def check_weights(engine: Engine, columns: Sequence[Column]) -> None:
    """DataError for weights that can't weigh a row: no numbers, missing, negative, or all zero."""
    for column in columns:
        if column.role != "weight":
            continue
        name, where = quote(column.name), f"prepare.columns.{column.name}.role"
        if column.type not in NUMERIC:
            raise DataError(f'the weight "{column.name}" is of type {column.type}', where=where, hint="numbers weigh")
        wrong = engine.value(f"SELECT count(*) FROM rows WHERE {name} IS NULL OR {name}::DOUBLE < 0")
        if wrong:
            hint = f"drop_rows where: isnull(`{column.name}`) or `{column.name}` < 0"
            raise DataError(
                f'the weight "{column.name}" is missing or negative in {wrong:,} rows', where=where, hint=hint
            )
        if not engine.value(f"SELECT max({name}::DOUBLE) FROM rows WHERE {LEARN}"):
            raise DataError(f'the weight "{column.name}" is 0 in all rows of learn', where=where)


def repeated_rows(engine: Engine, columns: Sequence[Column]) -> int:
    """How many rows say nothing that an earlier row did not say, ids apart.

    Rows that are equal are so in any few columns, which take less time to compare; mostly that is enough.
    """
    compared = [column for column in columns if column.role != "id"]
    numbers = [column for column in compared if column.type in ("number", "timestamp")][:TELLING]
    if len(numbers) == TELLING and not _repeated(engine, numbers):
        return 0
    return _repeated(engine, compared)


def _repeated(engine: Engine, columns: Sequence[Column]) -> int:
    listed = ", ".join(quote(column.name) for column in columns)
    return int(engine.value(f"SELECT count(*) - count(DISTINCT hash({listed})) FROM rows"))


def _figures(engine: Engine, columns: Sequence[Column]) -> dict[str, Facts]:
    """Facts by column name. Different values are looked for in texts only, whose type depends on them."""
    figures: dict[str, Facts] = {}
    rows = engine.value(f"SELECT count(*) FROM rows WHERE {LEARN}")
    for start in range(0, len(columns), TOGETHER):
        some = columns[start : start + TOGETHER]
        found = engine.rows(f"SELECT {', '.join(map(_counted, some))} FROM rows WHERE {LEARN}")[0]
        for at, column in enumerate(some):
            missing, minimum, maximum = found[3 * at : 3 * at + 3]
            values, distinct = _differing(engine, column.name) if column.type in TEXTS else (None, None)
            extent = {"minimum": minimum, "maximum": maximum}
            figures[column.name] = {"rows": rows, "missing": missing, "distinct": distinct, "values": values, **extent}
    return figures


def _counted(column: Column) -> str:
    name = quote(column.name)
    if column.type in TEXTS:
        return f"count(*) - count({name}), NULL, NULL"
    return f"count(*) - count({name}), min({name}), max({name})"


def _differing(engine: Engine, name: str) -> tuple[list[str] | None, int]:
    """The values of a text in learn, where they are few, and how many there are."""
    values = few_values(engine, name, LEARN)
    if values is not None:
        return values, len(values)
    return None, int(engine.value(f"SELECT count(DISTINCT {quote(name)}) FROM rows WHERE {LEARN}"))


def few_values(engine: Engine, name: str, where: str = "TRUE") -> list[str] | None:
    """The different values of a text, sorted; None where they are more than may be categories."""
    column = quote(name)
    first = f"SELECT {column} AS value FROM rows WHERE {where} LIMIT {FIRST}"
    if engine.value(f"SELECT count(DISTINCT value) FROM ({first})") > MOST_CATEGORIES:
        return None
    known = f"{where} AND {column} IS NOT NULL"
    found = engine.rows(f"SELECT DISTINCT {column} FROM rows WHERE {known} LIMIT {MOST_CATEGORIES + 1}")
    return sorted(value for (value,) in found) if len(found) <= MOST_CATEGORIES else None


def _described(column: Column, facts: Facts, said: bool | None, filled: bool) -> Column:
    present = facts["rows"] - facts["missing"]
    if said is False and facts["missing"]:
        raise DataError(
            f'"{column.name}" is missing in {facts["missing"]:,} rows of learn',
            where=f"prepare.columns.{column.name}.nullable",
            hint="drop those rows, or leave nullable out",
        )
    column = replace(column, nullable=said is not False and bool(facts["missing"] or said or filled))
    if column.type in ("number", "integer") and present:
        return replace(column, minimum=float(facts["minimum"]), maximum=float(facts["maximum"]))
    return column


def _is_category(name: str, facts: Facts, said: bool) -> bool:
    """Few different texts, or at least each of them twice on average, or where the spec says so."""
    distinct, present = facts["distinct"], facts["rows"] - facts["missing"]
    if said and distinct > MOST_DECLARED:
        raise DataError(
            f"{distinct:,} different values are too many for categories (at most {MOST_DECLARED:,})",
            where=f"prepare.columns.{name}.type",
            hint="leave type: category out, and see {kind: hashing}, {kind: frequency} or {kind: target}",
        )
    return bool(distinct) and (said or distinct <= FEW or 2 * distinct <= min(present, 2 * MOST_CATEGORIES))


def _values(engine: Engine, name: str, where: str) -> list[Any]:
    found = engine.rows(f"SELECT DISTINCT {quote(name)} FROM rows WHERE {where} AND {quote(name)} IS NOT NULL")
    return sorted(value for (value,) in found)
