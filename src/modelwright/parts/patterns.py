"""Regular expressions in specs: what RE2 can do, told apart when the spec is read, without loading an engine."""

from __future__ import annotations

import re

CLASS = r"\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]"
BEYOND_RE2 = {  # what Python's expressions can and RE2's can't, with its name
    r"\(\?<?[=!]": "looking ahead or behind",
    r"\\[1-9]|\(\?P=": "a reference back to a group",
    r"\(\?\(": "a condition",
    r"\(\?>|[*+?}]\+": "a possessive or atomic group",
}
ONLY_RE2 = r"\\[pP](?:\{\^?\w+\}|\w)|\\[QEzC]"
FLAGS = r"\(\?[imsU]+(?:-[imsU]+)?\)"  # which RE2 takes anywhere, Python at the start


def checked_pattern(pattern: str) -> str:
    """The pattern itself; ValueError when it is none, or needs what RE2 (which DuckDB uses) leaves out."""
    outside = re.sub(rf"{CLASS}|\\[^1-9]", "_", pattern)
    for found, name in BEYOND_RE2.items():
        if re.search(found, outside):
            raise ValueError(f"{pattern!r} needs {name}, which RE2 does not have")
    known = re.sub(rf"({CLASS}|{ONLY_RE2})|({FLAGS})|\\.", _neutral, pattern)
    try:
        re.compile(known)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
    return pattern


def _neutral(found: re.Match[str]) -> str:
    """A letter for what stands for one, nothing for flags, and other escapes as they are."""
    if found[1]:
        return "_"
    return "" if found[2] else found[0]
