"""The schema of data as it is delivered: found out once, pinned in a file, and compared with what comes later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from modelwright.core.columns import Column
from modelwright.core.errors import ArtifactError
from modelwright.tables.description import FEW, few_values
from modelwright.tables.engine import Engine, literal, quote

FORMAT = 1
AT_ONCE = 50  # columns that one query looks at
SHOWN = 5
CLOSED_ROLES = ("input", "target")  # of which few different texts are a list that may be complete

Change = Literal["new_category", "new_column", "lost_column", "type_change", "new_missing"]


@dataclass(frozen=True)
class Delivered:
    """One column as the source delivers it, before cleaning. `minimum` and `maximum` are only what was seen."""

    name: str
    type: str
    role: str
    nullable: bool
    minimum: float | str | None = None
    maximum: float | str | None = None
    categories: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Contract:
    """`contract.json`: all columns in the order of the source."""

    columns: tuple[Delivered, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"contract": FORMAT, "columns": [asdict(column) for column in self.columns]}


@dataclass(frozen=True)
class Difference:
    """`rows`: how many of them it is about."""

    change: Change
    said: str
    rows: int


def infer(engine: Engine, columns: Sequence[Column]) -> Contract:
    """What `rows` holds now, each column looked at once."""
    found: list[tuple[Column, int, int, Sequence[Any]]] = []
    for start in range(0, len(columns), AT_ONCE):
        found += _figures(engine, columns[start : start + AT_ONCE])
    return Contract(tuple(_delivered(engine, *entry) for entry in found))


def read(path: Path) -> Contract:
    """The contract in a file. ArtifactError when it is none."""
    try:
        content = json.loads(path.read_text("utf-8"))
        if content["contract"] != FORMAT:
            raise ArtifactError(f"a contract of format {content['contract']}", where=str(path), hint="pin it again")
        return Contract(tuple(_entry(entry) for entry in content["columns"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"is no contract: {error}", where=str(path), hint="pin it again: modelwright prepare SPEC --pin --force"
        ) from error


def differences(engine: Engine, pinned: Contract, now: Contract) -> Iterator[Difference]:
    """How `rows` differ from what was pinned. Columns that nobody reads (role ignore) are passed over."""
    rows = int(engine.value("SELECT count(*) FROM rows"))
    before = {column.name: column for column in pinned.columns}
    present = {column.name: column for column in now.columns}
    for column in pinned.columns:
        if column.name not in present and column.role != "ignore":
            yield Difference("lost_column", f'column "{column.name}" is gone', rows)
    for column in now.columns:
        if column.role == "ignore":
            continue
        if column.name not in before:
            yield Difference("new_column", f'column "{column.name}" is new, of type {column.type}', rows)
        else:
            yield from _changes(engine, before[column.name], column, rows)


def _changes(engine: Engine, pinned: Delivered, now: Delivered, rows: int) -> Iterator[Difference]:
    name = quote(now.name)
    missing = int(engine.value(f"SELECT count(*) FROM rows WHERE {name} IS NULL")) if now.nullable else 0
    if missing and not pinned.nullable:
        yield Difference("new_missing", f'column "{now.name}" is missing in {missing:,} rows, and never was', missing)
    if missing == rows:
        return  # nothing is left that could be of a type
    was, is_now = _plain(pinned.type), _plain(now.type)
    if was != is_now and not (was == "number" and is_now == "integer"):
        yield Difference(
            "type_change", f'column "{now.name}" was of type {was}, and is of type {is_now}', rows - missing
        )
    elif pinned.categories is not None:
        known = ", ".join(map(literal, pinned.categories)) or "''"
        new = f"SELECT {name}, count(*) FROM rows WHERE {name} NOT IN ({known}) GROUP BY 1 ORDER BY 2 DESC, 1"
        found = engine.rows(f"SELECT count(*), sum(n) FROM ({new}) AS new(value, n)")[0]
        if found[0]:
            shown = ", ".join(f'"{value}" ({count:,} rows)' for value, count in engine.rows(f"{new} LIMIT {SHOWN}"))
            more = f" and {found[0] - SHOWN:,} more" if found[0] > SHOWN else ""
            said = f'column "{now.name}" has {found[0]:,} new value{"s" if found[0] > 1 else ""}: {shown}{more}'
            yield Difference("new_category", said, int(found[1]))


def _plain(kind: str) -> str:
    return "text" if kind == "category" else kind


def _figures(engine: Engine, columns: Sequence[Column]) -> Iterable[tuple[Column, int, int, Sequence[Any]]]:
    """Each column with the rows there are, those that have a value, and what its type can tell in one pass."""
    wanted = ["count(*)"]
    for column in columns:
        name = quote(column.name)
        wanted.append(f"count({name})")
        if column.type in ("number", "integer", "timestamp"):
            wanted += [f"min({name})", f"max({name})"]
        else:
            wanted += ["NULL", "NULL"]
    rows, *figures = engine.rows(f"SELECT {', '.join(wanted)} FROM rows")[0]
    return [(column, rows, figures[3 * at], figures[3 * at + 1 : 3 * at + 3]) for at, column in enumerate(columns)]


def _delivered(engine: Engine, column: Column, rows: int, filled: int, figures: Sequence[Any]) -> Delivered:
    made = Delivered(column.name, column.type, column.role, nullable=filled < rows)
    if column.type == "text":
        listed = column.role in CLOSED_ROLES and filled
        categories = _categories(engine, column.name, filled) if listed else None
        kind = "text" if categories is None else "category"
        return Delivered(column.name, kind, column.role, made.nullable, categories=categories)
    return Delivered(column.name, column.type, column.role, made.nullable, _seen(figures[0]), _seen(figures[1]))


def _categories(engine: Engine, name: str, filled: int) -> tuple[str, ...] | None:
    """The different texts, sorted, where they are few; the rule is that of `schema.json`, on all rows."""
    found = few_values(engine, name)
    few = found is not None and (len(found) <= FEW or 2 * len(found) <= filled)
    return tuple(found) if found is not None and few else None


def _seen(value: Any) -> float | str | None:
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    return value if value is None or isinstance(value, int) else float(value)


def _entry(entry: Mapping[str, Any]) -> Delivered:
    categories = entry.get("categories")
    return Delivered(**{**entry, "categories": None if categories is None else tuple(map(str, categories))})
