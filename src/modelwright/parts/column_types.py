"""Refuses columns that a feature step can't work on, saying what would help."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from modelwright.core.columns import NUMERIC
from modelwright.core.errors import SpecError
from modelwright.parts.samples import FitColumns

Wanted = Literal["number", "text", "timestamp"]  # text: or category


def check_types(step: str, columns: FitColumns, wanted: Wanted, names: Iterable[str] | None = None) -> None:
    """SpecError for a column (of all, or of those named) that is of another type."""
    for name in columns.names if names is None else names:
        kind = columns.type(name)
        found = "number" if kind in NUMERIC else "timestamp" if kind == "timestamp" else "text"
        if found != wanted:
            what = "category or text" if wanted == "text" else wanted
            raise SpecError(f'{step}: "{name}" is a {kind}, not a {what}', hint=_hint(name, kind, wanted))


def _hint(name: str, kind: str, wanted: Wanted) -> str:
    if wanted == "timestamp" and kind != "number":
        return f"declare it: prepare.columns: {{{name}: {{type: timestamp}}}}"
    if kind == "timestamp":
        return "take its parts first: {kind: datetime_parts}"
    return ""
