"""What tasks without a target say when they are given one."""

from __future__ import annotations

from typing import Any


def no_target(given: Any, task: str, instead: str = "") -> Any:
    """The keys as they are. ValueError (which pydantic tells) when they name a target."""
    if isinstance(given, dict) and "target" in given:
        aside = f"if that column is no input either: columns: {{{given['target']}: {{role: ignore}}}}"
        raise ValueError(f"{task} has no target, so leave it out; {instead or aside}")
    return given
