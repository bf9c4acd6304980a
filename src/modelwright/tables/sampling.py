"""Rows enough for figures that people read, from a table at rest of any size; the same ones every time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

MOST_ROWS = 50_000
MOST_CELLS = 20_000_000
SPREAD = 4  # row groups at least, spread evenly over the file: reading costs more than all figures of the sample


def sample(path: Path, columns: Sequence[str]) -> pa.Table:
    """At most 50,000 rows (fewer of very wide tables), evenly spaced over the file; all where they are fewer."""
    file = pq.ParquetFile(path)
    wanted = max(min(MOST_ROWS, MOST_CELLS // max(len(columns), 1)), 1)
    enough = -(-wanted * file.num_row_groups // max(file.metadata.num_rows, 1))
    read = min(file.num_row_groups, max(enough, SPREAD))
    groups = [round(place) for place in np.linspace(0, file.num_row_groups - 1, read)]
    table = file.read_row_groups(groups, columns=list(columns))
    if table.num_rows <= wanted:
        return table
    return table.take(pa.array(np.linspace(0, table.num_rows - 1, wanted).astype(np.int64)))
