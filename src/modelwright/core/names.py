"""Names a user may give to things, near misses, and paths that must stay inside a folder."""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path

from modelwright.core.errors import SpecError

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"


def checked_name(name: str) -> str:
    """The name itself, or SpecError: names become folders, labels and URLs."""
    if not re.fullmatch(NAME_PATTERN, name) or "\n" in name:
        raise SpecError(
            f"{name!r} is not a valid name",
            hint="use up to 64 of a-z, 0-9, dot, dash and underscore; start with a letter or digit",
        )
    return name


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, if any."""
    names = list(known)
    exact = {name.casefold(): name for name in names}
    if word.casefold() in exact:
        return exact[word.casefold()]
    found = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "leaves"?`, or nothing."""
    near = nearest(word, known)
    return f'; did you mean "{near}"?' if near else ""


def contained(folder: Path, relative: str) -> Path:
    """The path of `relative` below `folder`; SpecError when it would lead outside, links resolved."""
    root = folder.resolve()
    path = (root / relative).resolve()
    if "\0" in relative or not path.is_relative_to(root):
        raise SpecError(f"{relative!r} leads outside {folder}")
    return path
