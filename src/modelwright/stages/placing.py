"""Says of which key of the spec an error is, where the part that found it does not know its own place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from modelwright.core.errors import DataError, Problem, SpecError


@contextmanager
def said_of(place: str) -> Iterator[None]:
    """Problems found inside are of `place`, such as `prepare.clean.0`; what they say of theirs comes after it."""
    try:
        yield
    except (SpecError, DataError) as error:
        raise type(error).of(
            Problem(each.message, f"{place}: {each.where}" if each.where else place, each.hint)
            for each in error.problems
        ) from error
