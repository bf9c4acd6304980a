"""Keys that readers of text files share."""

from __future__ import annotations

import codecs
import re
from typing import Annotated

from pydantic import AfterValidator, Field


def _known_encoding(value: str) -> str:
    try:
        return codecs.lookup(value).name
    except LookupError:
        raise ValueError(f"{value!r} is no encoding that Python knows") from None


def _one_character(value: str) -> str:
    if value != "none" and len(value) != 1:
        raise ValueError("must be one character, or none")
    return value


def _naming_groups(pattern: str) -> str:
    try:
        if not re.compile(pattern).groupindex:
            raise ValueError("names no group; columns are written (?P<name>…)")
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return pattern


Encoding = Annotated[
    str,
    AfterValidator(_known_encoding),
    Field(description="For example cp1251; bytes that do not fit are an error."),
]
Quote = Annotated[
    str,
    AfterValidator(_one_character),
    Field(description="The quote character; none where quotes are ordinary characters."),
]
GroupPattern = Annotated[str, AfterValidator(_naming_groups)]  # its named groups are columns
