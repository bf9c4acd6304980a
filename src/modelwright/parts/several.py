"""What tasks of several targets share."""

from __future__ import annotations

from dataclasses import replace

from modelwright.core.columns import Schema


def alone(schema: Schema, target: str, classes: tuple[str | int | bool, ...] | None) -> Schema:
    """The schema as a task of that one target sees it: the other targets are nothing to it."""
    columns = tuple(
        replace(column, role="ignore") if column.role == "target" and column.name != target else column
        for column in schema.columns
    )
    return replace(schema, columns=columns, classes=classes)


def different(targets: list[str]) -> list[str]:
    """ValueError when one is named twice."""
    if len(set(targets)) < len(targets):
        twice = next(name for name in targets if targets.count(name) > 1)
        raise ValueError(f'"{twice}" is named twice')
    return targets
