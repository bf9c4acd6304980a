"""How a spec says which columns a feature step works on: kinds of column, names, globs and exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field

from modelwright.core.columns import NUMERIC
from modelwright.core.errors import SpecError
from modelwright.core.names import did_you_mean

KINDS = ("numeric", "categorical", "text", "timestamp", "all")
WITHOUT = "not:"

Selector = Annotated[
    str | Annotated[list[str], Field(min_length=1)],
    Field(
        description="Columns: numeric, categorical, text, timestamp, all, a name, a glob such as `sensor_*`, "
        "`not:` and one of these, or a list of them."
    ),
]


def select(selector: str | list[str], columns: Mapping[str, str], by_name_only: frozenset[str]) -> tuple[str, ...]:
    """Names in the order of `columns` (name -> type). SpecError for a name or glob that matches nothing.

    Those in `by_name_only` (the time column) are found by their exact name only.
    """
    words = [selector] if isinstance(selector, str) else selector
    wanted: set[str] = set()
    if words and all(word.startswith(WITHOUT) for word in words):
        wanted = _matching("all", columns, by_name_only)
    for word in words:
        if word.startswith(WITHOUT) and word not in columns:
            wanted -= _matching(word.removeprefix(WITHOUT), columns, by_name_only)
        else:
            wanted |= _matching(word, columns, by_name_only)
    return tuple(name for name in columns if name in wanted)


def _matching(word: str, columns: Mapping[str, str], by_name_only: frozenset[str]) -> set[str]:
    if word in columns:
        return {word}
    open_to_all = [name for name in columns if name not in by_name_only]
    if word in KINDS:
        return {name for name in open_to_all if word in ("all", _kind(columns[name]))}
    found = {name for name in open_to_all if fnmatchcase(name, word)}
    if not found:
        raise SpecError(
            f'no column "{word}" at this point{did_you_mean(word, columns)}',
            hint=f"columns here: {', '.join(list(columns)[:30])}; or {', '.join(KINDS)}",
        )
    return found


def _kind(column_type: str) -> str:
    if column_type in NUMERIC:
        return "numeric"
    return "categorical" if column_type == "category" else column_type
