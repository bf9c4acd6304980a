"""Runs the cleaners in order and keeps account of what each took away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.core.columns import Column
from modelwright.stages.placing import said_of

if TYPE_CHECKING:
    from modelwright.parts.base import Cleaner
    from modelwright.tables.engine import Engine

NOT_AGAIN = "is done to this data only: predict and serve take new rows without it"


def clean(
    engine: Engine, cleaners: Sequence[Cleaner], columns: Sequence[Column], base: Path, *, after_split: bool
) -> tuple[list[Column], list[dict[str, Any]]]:
    """The columns, and how many rows each cleaner removed: those that have to know who is in learn, or the others.

    Rows that it refused instead are in `rejects`. Each is named by its place in the spec when something is wrong.
    """
    columns, removed = list(columns), []
    for number, cleaner in enumerate(cleaners):
        if cleaner.after_split is not after_split:
            continue
        rows, refused = _counts(engine)
        with said_of(f"prepare.clean.{number}"):
            columns = cleaner.at(base).apply(engine, "rows", columns)
        left, refused_now = _counts(engine)
        removed.append({"step": cleaner.kind, "removed": rows - left - (refused_now - refused)})
    return columns, removed


def not_for_new_rows(cleaners: Iterable[Cleaner]) -> list[str]:
    """Warnings of cleaners whose work new rows will lack."""
    return [f"clean: {cleaner.kind} {NOT_AGAIN}" for cleaner in cleaners if cleaner.kind == "python"]


def _counts(engine: Engine) -> tuple[int, int]:
    rows = engine.value("SELECT count(*) FROM rows")
    return int(rows), int(engine.value("SELECT count(*) FROM rejects"))
