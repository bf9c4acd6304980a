"""Writes which split each row belongs to, by SQL."""

from __future__ import annotations

from collections.abc import Mapping

from modelwright.core.columns import ROW_DIGEST
from modelwright.core.errors import DataError
from modelwright.tables.engine import Engine, literal, quote
from modelwright.tables.reading import SPLIT

SIDES = ("learn", "validation", "test")
SIDE = f"ENUM({', '.join(map(literal, SIDES))})"  # one byte a row


def key_of(group: str | None) -> str:
    """SQL for what rows share that stay together: their group, or where they have none their digest."""
    digest = f"{quote(ROW_DIGEST)}::VARCHAR"
    return digest if group is None else f"coalesce({quote(group)}::VARCHAR, {digest})"


def share_of(key: str, seed: int) -> str:
    """SQL for a number in [0, 1], evenly spread and depending on nothing but the key's text and the seed."""
    # What md5_number_lower gives, in a fifth of its time.
    half = f"(md5_number(concat({literal(str(seed))}, ':', {key})) >> 64)::UBIGINT"
    return f"({half} / 18446744073709551616.0::DOUBLE)"


def check_groups(engine: Engine, table: str, group: str | None, shares: Mapping[str, float]) -> None:
    """DataError when there are fewer groups than sides that want some: groups are never torn apart."""
    if group is None:
        return
    wanted = ["learn", *(side for side, share in shares.items() if share)]
    enough = f"SELECT DISTINCT {key_of(group)} FROM {quote(table)} LIMIT {len(wanted)}"
    found = engine.value(f"SELECT count(*) FROM ({enough})")
    if found < len(wanted):
        raise DataError(
            f'"{group}" has {found} different value{"s" if found != 1 else ""}, and rows of one value stay together: '
            f"too few for {', '.join(wanted)}",
            where="prepare.split",
            hint="group by another column, set a share to 0, or split by {kind: time}",
        )


def assign(engine: Engine, table: str, side: str, beside: str = "") -> None:
    """Add `__split__`, keeping the order; `side` is SQL over the table's columns. Rows where it is NULL are taken out.

    `beside`: what an UPDATE may say after its values (`FROM … WHERE …`). Only the new column is written: copying a wide
    table costs many times that.
    """
    engine.execute(f"ALTER TABLE {quote(table)} ADD COLUMN {quote(SPLIT)} {SIDE}")
    engine.execute(f"UPDATE {quote(table)} SET {quote(SPLIT)} = {side} {beside}")
    if engine.value(f"SELECT count(*) - count({quote(SPLIT)}) FROM {quote(table)}"):
        engine.replace(table, f"SELECT * FROM {quote(table)} WHERE {quote(SPLIT)} IS NOT NULL ORDER BY rowid")
