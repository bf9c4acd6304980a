"""A contract as SQL and as JSON Schema, for the people who deliver the data."""

from __future__ import annotations

from typing import Any

from modelwright.tables.contract import Contract, Delivered
from modelwright.tables.engine import literal, quote

SQL_TYPES = {
    "number": "double precision",
    "integer": "bigint",
    "boolean": "boolean",
    "timestamp": "timestamp with time zone",
}  # else text
JSON_TYPES = {"number": "number", "integer": "integer", "boolean": "boolean"}  # else string
MOST_LISTED = 50  # values that a list of all of them may have
CONTROL = frozenset(map(chr, range(32)))  # can't stand in a literal of every database


def to_sql(contract: Contract, table: str) -> str:
    """`CREATE TABLE` as PostgreSQL, DuckDB and SQLite read it."""
    lines = []
    for place, column in enumerate(contract.columns):
        comma = "," if place < len(contract.columns) - 1 else ""
        lines.append(f"  {_definition(column)}{comma} -- {_remark(column)}")
    return (
        f"-- What {table} is delivered as: missing values are NULL, and a time is a moment, in whatever zone.\n"
        f"CREATE TABLE {quote(table)} (\n" + "\n".join(lines) + "\n);\n"
    )


def to_json_schema(contract: Contract, title: str) -> dict[str, Any]:
    """The schema of one row as a JSON object: a value that may be missing may be null, or absent."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "type": "object",
        "properties": {column.name: _property(column) for column in contract.columns},
        "required": [column.name for column in contract.columns if not column.nullable],
        "additionalProperties": False,
    }


def _definition(column: Delivered) -> str:
    words = [quote(column.name), SQL_TYPES.get(column.type, "text")]
    if not column.nullable:
        words.append("NOT NULL")
    if _listed(column) and column.categories and not CONTROL & set("".join(column.categories)):
        words.append(f"CHECK ({quote(column.name)} IN ({', '.join(map(literal, column.categories))}))")
    return " ".join(words)


def _property(column: Delivered) -> dict[str, Any]:
    kind = JSON_TYPES.get(column.type, "string")
    made: dict[str, Any] = {"type": [kind, "null"] if column.nullable else kind, "description": _remark(column)}
    if column.type == "timestamp":
        made["format"] = "date-time"
    elif kind == "string" and not column.nullable:
        made["minLength"] = 1  # the empty text is missing
    if _listed(column) and column.categories:
        made["enum"] = [*column.categories, *(["", None] if column.nullable else [])]
    return made


def _listed(column: Delivered) -> bool:
    return column.categories is not None and len(column.categories) <= MOST_LISTED


def _remark(column: Delivered) -> str:
    """Of numbers and times only: nothing from the data that could end a comment."""
    words = [column.role]
    if column.minimum is not None:
        words.append(f"seen: {column.minimum} to {column.maximum}")
    if column.categories is not None and not _listed(column):
        words.append(f"{len(column.categories)} values seen, listed in contract.json")
    return "; ".join(words)
