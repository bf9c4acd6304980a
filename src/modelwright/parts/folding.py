"""Which rows are predicted by a model of which others: what the kinds of validation share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from modelwright.core.columns import ROW_DIGEST, Schema
from modelwright.core.errors import DataError
from modelwright.core.seeds import child_seed

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows [N] to learn from, and rows to predict."""

    learn: NDArray[np.bool_]
    held: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class FoldRows:
    """Learn and validation together; `classes` are the codes [N] of the target's classes."""

    table: pa.Table
    schema: Schema
    target_name: str
    classes: NDArray[np.float64] | None

    def keys(self, group: str | None = None) -> NDArray[np.int64]:
        """[N] equal for rows that share a fold: repeated rows, and rows of one group (of the schema's, by default)."""
        grouped = replace(self.schema, group=group or self.schema.group)
        return together(row_digests(self.table), groups_of(self.table, grouped))

    def numbers(self, name: str) -> NDArray[np.float64]:
        """[N] of a numeric column, NaN for missing."""
        import pyarrow as pa

        found: NDArray[np.float64] = self.table.column(name).cast(pa.float64()).to_numpy()
        return found

    def micros(self, name: str) -> NDArray[np.int64]:
        """[N] of a timestamp without missing values."""
        import pyarrow as pa

        column = self.table.column(name)
        found: NDArray[np.int64] = column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64()).to_numpy()
        return found


def row_digests(table: pa.Table) -> NDArray[np.int64]:
    import numpy as np

    return np.asarray(table.column(ROW_DIGEST).to_numpy(), dtype=np.int64)


def groups_of(table: pa.Table, schema: Schema) -> NDArray[np.int64] | None:
    """[N] equal numbers for rows that belong together (`schema.group`); a row without a group is on its own."""
    import numpy as np

    if schema.group is None or schema.group not in table.column_names:
        return None
    found = codes(table.column(schema.group))
    alone = found < 0
    found[alone] = found.max(initial=0) + 1 + np.arange(alone.sum())
    return found


def codes(values: Any) -> NDArray[np.int64]:
    """[N] a number for each value of an Arrow column, -1 for missing."""
    import numpy as np

    indices = values.combine_chunks().dictionary_encode().indices.fill_null(-1)
    return np.array(indices.to_numpy(zero_copy_only=False), dtype=np.int64)


def together(digests: NDArray[np.int64], groups: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """[N] one digest for all rows of a group, so that they share a fold: the least of theirs."""
    import numpy as np

    if groups is None:
        return digests
    _, member = np.unique(groups, return_inverse=True)
    least = np.full(member.max(initial=-1) + 1, np.iinfo(np.int64).max)
    np.minimum.at(least, member, digests)
    found: NDArray[np.int64] = least[member]
    return found


def evenly(
    keys: NDArray[np.int64], folds: int, seed: int, strata: NDArray[np.float64] | None = None
) -> NDArray[np.int64]:
    """[N] fold numbers, by hash: equal keys share a fold, and each fold has its share of every stratum.

    DataError when there are fewer distinct keys than folds.
    """
    import numpy as np

    unique, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    if len(unique) < folds:
        raise DataError(f"{len(unique)} distinct rows (or groups of rows) can't be split into {folds} folds")
    levels = np.zeros(len(unique)) if strata is None else strata[first]
    order = np.lexsort((mixed(unique, child_seed(seed, "folds")), levels))
    numbers = np.empty(len(unique), np.int64)
    numbers[order] = np.arange(len(unique)) % folds
    found: NDArray[np.int64] = numbers[inverse]
    return found


def held_in_turn(numbers: NDArray[np.int64]) -> list[Fold]:
    """A fold for each number: its rows are predicted by a model of all others."""
    return [Fold(numbers != fold, numbers == fold) for fold in range(int(numbers.max()) + 1)]


def mixed(digests: NDArray[np.int64], seed: int) -> NDArray[np.uint64]:
    """splitmix64 (Steele et al., 2014) of digest and seed."""
    import numpy as np

    start = seed * 0x9E3779B97F4A7C15 % 2**64
    found = digests.astype(np.uint64) + np.uint64(start)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        found = (found ^ (found >> np.uint64(shift))) * np.uint64(factor)
    return found ^ (found >> np.uint64(31))
