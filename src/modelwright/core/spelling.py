"""Values that are the same but for blanks, case and punctuation: typing errors rather than different things."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def same_but_for_spelling(values: Iterable[str]) -> list[tuple[str, ...]]:
    """Values that are the same but for blanks, case and punctuation at the ends, in groups of at least two."""
    groups: dict[str, list[str]] = {}
    for value in sorted(values):
        groups.setdefault(_plain(value), []).append(value)
    return [tuple(group) for plain, group in groups.items() if plain and len(group) > 1]


def how_to_mend(column: str, group: Sequence[str]) -> str:
    """The cleaners that make one value of a group that `same_but_for_spelling` found."""
    if len({value.strip() for value in group}) == 1:
        return f"clean: {{kind: strip, columns: [{column}]}}"
    ends = {re.escape(value[-1]) for value in group if value and not (value[-1].isalnum() or value[-1] in ")%")}
    without = {value.rstrip("".join(end[-1] for end in ends)) for value in group} if ends else set(group)
    if len(without) == 1:
        pattern = "".join(sorted(ends)) if len(ends) == 1 else f"[{''.join(sorted(ends))}]"
        return f"clean: {{kind: replace, columns: [{column}], pattern: '{pattern}$', to: ''}}"
    if len({" ".join(value.split()).lower() for value in group}) == 1:
        return f"clean: {{kind: normalise_text, columns: [{column}]}}"
    said = ", ".join(f"'{value}'" for value in group[1:])
    return f"clean: {{kind: replace, columns: [{column}], …}} that makes '{group[0]}' of {said}"


def spelling_hint(column: str, values: Iterable[str]) -> str | None:
    """What to do about the first values that are the same but for spelling; None where there are none."""
    for group in same_but_for_spelling(values):
        return f"{' and '.join(map(repr, group))} differ by spelling only; {how_to_mend(column, group)}"
    return None


def _plain(value: str) -> str:
    joined = re.sub(r"(?<=\w)[\s_-]+(?=\w)", " ", value.strip())
    return joined.strip("'\"").rstrip(".,;:!?").rstrip().casefold()
