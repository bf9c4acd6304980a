"""How typed rows leave the engine: with their timestamps marked as UTC, so that a file says itself what it holds."""

from __future__ import annotations

from collections.abc import Sequence

from modelwright.core.columns import ROW_DIGEST, Column
from modelwright.tables.engine import quote


def at_rest(columns: Sequence[Column]) -> str:
    """The SELECT list of the columns and `__row__`. Inside the engine a TIMESTAMP is in UTC without saying so."""
    return ", ".join([*map(_marked, columns), quote(ROW_DIGEST)])


def _marked(column: Column) -> str:
    name = quote(column.name)
    return f"timezone('UTC', {name}) AS {name}" if column.type == "timestamp" else name
