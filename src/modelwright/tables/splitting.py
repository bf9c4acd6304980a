"""Writes which split each row belongs to, by SQL."""

from __future__ import annotations

from modelwright.core.columns import ROW_DIGEST
from modelwright.tables.engine import Engine, literal, quote
from modelwright.tables.reading import SPLIT


def key_of(group: str | None) -> str:
    """SQL for what rows share that stay together: their group, or where they have none their digest."""
    digest = f"{quote(ROW_DIGEST)}::VARCHAR"
    return digest if group is None else f"coalesce({quote(group)}::VARCHAR, {digest})"


def share_of(key: str, seed: int) -> str:
    """SQL for a number in [0, 1], evenly spread and depending on nothing but the key's text and the seed."""
    return f"(md5_number_lower(concat({literal(str(seed))}, ':', {key})) / 18446744073709551616.0::DOUBLE)"


def assign(engine: Engine, table: str, split: str, source: str | None = None) -> None:
    """Add `__split__`, keeping the order. `source`: a query of `table` with a column `__position__`, its rowid."""
    inner = source or f"SELECT rowid AS __position__, * FROM {quote(table)}"
    chosen = f"SELECT * EXCLUDE (__position__), {split} AS {quote(SPLIT)} FROM ({inner}) ORDER BY __position__"
    engine.replace(table, chosen)
