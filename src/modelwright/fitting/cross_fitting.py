"""Divides learn's rows for steps whose values tell of the target: each row gets its value from a fit on other rows.

Scored by a fit on itself, a row of a rare category carries its own target, and a model would learn to read it there.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from modelwright.core.columns import ROW_DIGEST, Schema
from modelwright.core.seeds import child_seed
from modelwright.fitting.learn_rows import LearnRows
from modelwright.parts.folding import groups_of, mixed, row_digests, together

FOLDS = 5


def cross_folds(source: LearnRows, schema: Schema, seed: int) -> NDArray[np.int8]:
    """[N] fold of each row, by hash of its digest or its group's: what belongs together is held out together.

    Where rows have no digests (tables that are not from a prepare run) their position stands for it.
    """
    wanted = [name for name in (ROW_DIGEST, schema.group) if name is not None and name in source.names]
    keys = np.arange(source.rows, dtype=np.int64)
    if wanted and source.rows:
        table = pa.concat_tables(source.tables(wanted))
        if ROW_DIGEST in wanted:
            keys = row_digests(table)
        keys = together(keys, groups_of(table, schema))
    folds: NDArray[np.int8] = (mixed(keys, child_seed(seed, "cross fitting")) % np.uint64(FOLDS)).astype(np.int8)
    return folds
