"""Groups of learn's rows by the values of some columns, and what is typical of a column within each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from modelwright.core.columns import NUMERIC
from modelwright.core.errors import DataError, SpecError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modelwright.parts.samples import FitColumns

    Codes = NDArray[np.int64]

MOST_GROUPS = 10_000


@dataclass(frozen=True)
class Groups:
    """`levels`: the values of each column in order. `keys`: each group as one number, as `graph.groups` reads it.

    `of_rows`: the place of each row's group in `keys`, -1 where a value of its group is missing.
    """

    levels: dict[str, list[Any]]
    keys: list[int]
    of_rows: Codes


def grouped(columns: FitColumns, names: Sequence[str]) -> Groups:
    """SpecError for a timestamp; DataError for too many groups."""
    import numpy as np

    levels: dict[str, list[Any]] = {}
    combined: Any = 0
    unknown: Any = False
    for name in names:
        found, codes = _coded(columns, name)
        levels[name] = found
        combined = combined * (len(found) + 1) + codes + 1
        unknown |= codes < 0
        _too_many(len(found), names)
    keys, places = np.unique(combined[~unknown], return_inverse=True)
    _too_many(len(keys), names)
    of_rows = np.full(columns.rows, -1)
    of_rows[~unknown] = places
    return Groups(levels, keys.tolist(), of_rows)


def _too_many(groups: int, names: Sequence[str]) -> None:
    if groups > MOST_GROUPS:
        raise DataError(
            f"by: {', '.join(names)} makes {groups} groups; at most {MOST_GROUPS} are allowed",
            hint="group by a coarser column",
        )


def _coded(columns: FitColumns, name: str) -> tuple[list[Any], Codes]:
    """The values of a column in order, and each row's place among them; -1 for missing."""
    import numpy as np

    if columns.type(name) == "timestamp":
        raise SpecError(
            f'"{name}" is a timestamp, which makes no groups', hint="take its parts: {kind: datetime_parts}"
        )
    values = columns.values(name)
    if columns.type(name) not in NUMERIC:
        return text_codes(values)
    absent = np.isnan(values)
    found, places = np.unique(values[~absent], return_inverse=True)
    codes = np.full(len(values), -1)
    codes[~absent] = places
    return found.tolist(), codes


def text_codes(values: NDArray[Any]) -> tuple[list[str], Codes]:
    """The texts in order, and each row's place among them; -1 for ''."""
    import numpy as np
    import pyarrow as pa

    words = pa.array(values, pa.string()).dictionary_encode()  # hashing: sorting millions of texts takes minutes
    texts = words.dictionary.to_pylist()
    order = sorted((at for at, text in enumerate(texts) if text), key=lambda at: str(texts[at]))
    place = np.full(len(texts), -1)
    place[order] = np.arange(len(order))
    return [texts[at] for at in order], place[words.indices.to_numpy()]


def by_group(of_rows: Codes, values: NDArray[Any], count: int, typical: Any, default: Any) -> list[Any]:
    """`typical(values)` of each group's rows, `default` where it has none; rows with group -1 are passed over."""
    import numpy as np

    order = np.argsort(of_rows, kind="stable")
    ends = np.searchsorted(of_rows[order], np.arange(count + 1))
    ordered = values[order]
    return [typical(ordered[start:end]) if end > start else default for start, end in pairwise(ends)]


def most_frequent(codes: NDArray[Any]) -> Any:
    """The most frequent value, the least of those that are equally so."""
    import numpy as np

    found, counts = np.unique(codes, return_counts=True)
    return found[np.argmax(counts)]
