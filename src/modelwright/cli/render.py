"""A result or plan (a nested mapping) as text that fits the terminal."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from modelwright.cli.terminal import width
from modelwright.core.units import format_bytes, format_duration, format_number

INDENT = "  "
MOST_ITEMS = 24  # of a list on one line, such as the columns of a wide table
UNITS: dict[str, Callable[[float], str]] = {  # by how a name ends; the value then says its unit itself
    "bytes": format_bytes,
    "_s": format_duration,
    "_ms": lambda value: format_duration(value / 1e3),
    "_us": lambda value: format_duration(value / 1e6),
    "_share": lambda value: f"{value:.0%}" if value == 0 or value >= 0.1 else f"{value:.1%}",
}


def render(summary: Mapping[str, Any], columns: int | None = None) -> str:
    """Aligned keys and values; mappings of like mappings become tables."""
    return "\n".join(_block(summary, columns or width(), 0))


def _block(content: Mapping[str, Any], columns: int, depth: int) -> Iterator[str]:
    indent = INDENT * depth
    content = _in_words(content)
    names = [str(key) for key, value in content.items() if not _nested(value)]
    pad = min(max(map(len, names), default=0), max(columns // 3, 8))
    for key, value in content.items():
        if not _nested(value):
            yield from _line(indent, str(key).ljust(pad), text(value), columns)
            continue
        yield f"{indent}{key}"
        rows = value if isinstance(value, Mapping) else {str(index): item for index, item in enumerate(value)}
        table = _table(rows, columns, depth + 1, named=isinstance(value, Mapping))
        yield from table if table else _block(rows, columns, depth + 1)


def _in_words(content: Mapping[Any, Any]) -> dict[str, Any]:
    """Numbers whose name ends with a unit, as people write them: `took_s: 3.82` is `took`, 3.8 s."""
    told: dict[str, Any] = {}
    for key, value in content.items():
        name = str(key)
        unit = next((ending for ending in UNITS if name.endswith(ending)), None)
        inner = value if isinstance(value, Mapping) else {None: value}
        if unit is not None and inner and all(each is None or _number(each) for each in inner.values()):
            short = "size" if name == "bytes" else name.removesuffix(unit).rstrip("_")
            name = name if short in {"", *told, *content} else short
            with_unit = {one: None if each is None else UNITS[unit](each) for one, each in inner.items()}
            value = with_unit if isinstance(value, Mapping) else with_unit[None]
        told[name] = value
    return told


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _nested(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value)
    return isinstance(value, list | tuple) and any(isinstance(item, Mapping | list | tuple) for item in value)


def _line(indent: str, key: str, value: str, columns: int) -> Iterator[str]:
    """`key  value`, wrapped under the value where it is too long; on narrow terminals under the key."""
    start = f"{indent}{key}{INDENT}"
    room = columns - len(start)
    if len(value) <= room or room < 20:
        start, room = (start, room) if len(value) <= room else (f"{indent}{key.rstrip()}\n{indent}{INDENT}", columns)
    lines = textwrap.wrap(value, max(room, 10), break_on_hyphens=False, break_long_words=False) or [""]
    yield f"{start}{lines[0]}".rstrip()
    after = " " * len(start) if "\n" not in start else indent + INDENT
    yield from (f"{after}{line}" for line in lines[1:])


def _table(rows: Mapping[str, Any], columns: int, depth: int, *, named: bool) -> list[str]:
    """Rows with the same few scalar keys, as a table; empty where they have not, or where it would not fit."""
    items = list(rows.values())
    if not all(isinstance(item, Mapping) and item for item in items):
        return []
    headings = list(items[0])
    if any(list(item) != headings or any(map(_nested, item.values())) for item in items):
        return []
    shown = {name: _in_words(item) for name, item in rows.items()}
    cells = [[*([name] if named else []), *map(text, item.values())] for name, item in shown.items()]
    head = [*([""] if named else []), *next(iter(shown.values()))]
    widths = [max(len(cell) for cell in column) for column in zip(head, *cells, strict=True)]
    indent = INDENT * depth
    if len(indent) + sum(widths) + len(INDENT) * (len(widths) - 1) > columns:
        return []
    numeric = [all(isinstance(item[key], int | float | None) for item in items) for key in headings]
    right = [*([False] if named else []), *numeric]
    return [indent + _row(line, widths, right) for line in [head, *cells]]


def _row(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    placed = (
        cell.rjust(size) if flush else cell.ljust(size) for cell, size, flush in zip(cells, widths, right, strict=True)
    )
    return INDENT.join(placed).rstrip()


def text(value: Any) -> str:
    """One value: numbers to four digits, lists with commas, `yes` and `no`, a dash for nothing."""
    if value is None or value == {} or value == []:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return format_number(value)
    if isinstance(value, list | tuple):
        left = len(value) - MOST_ITEMS
        return ", ".join(map(text, value[:MOST_ITEMS])) + (f" and {left:,} more" if left > 0 else "")
    return str(value)
