"""What is known of a table's columns: the contract between data, graph, server and monitor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

ColumnType = Literal["number", "integer", "boolean", "category", "text", "timestamp"]
Role = Literal["input", "target", "id", "time", "entity", "weight", "ignore"]

NUMERIC: frozenset[str] = frozenset({"number", "integer", "boolean"})
ROW_DIGEST = "__row__"  # in split tables: a stable 64-bit digest of the source row (or of its id), as BIGINT


@dataclass(frozen=True)
class Column:
    """One column after cleaning. Ranges and categories are those of learn."""

    name: str
    type: ColumnType
    role: Role = "input"
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] | None = None  # only of type category, sorted
    timezone: str | None = None


@dataclass(frozen=True)
class Schema:
    """`schema.json`: the columns in order and, for classification, the classes sorted by value.

    `group` is the column whose equal values belong together: no random split, fold or resample tears them apart.
    """

    columns: tuple[Column, ...]
    classes: tuple[str | int | bool, ...] | None = None
    group: str | None = None

    def __getitem__(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def __contains__(self, name: str) -> bool:
        return any(column.name == name for column in self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def of_role(self, *roles: Role) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.role in roles)

    @property
    def target(self) -> Column | None:
        found = self.of_role("target")
        return found[0] if found else None

    def to_dict(self) -> dict[str, Any]:
        return {
            "columns": [asdict(column) for column in self.columns],
            "classes": None if self.classes is None else list(self.classes),
            "group": self.group,
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Schema:
        classes = content["classes"]
        return cls(_columns(content["columns"]), None if classes is None else tuple(classes), content["group"])


def _columns(entries: Iterable[dict[str, Any]]) -> tuple[Column, ...]:
    return tuple(
        Column(**{**entry, "categories": None if entry["categories"] is None else tuple(entry["categories"])})
        for entry in entries
    )
