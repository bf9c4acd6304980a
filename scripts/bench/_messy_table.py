"""Makes the messy table of the prepare benchmark: 31 columns of what real exports hold, the same for the same rows.

    python scripts/bench/_messy_table.py FILE ROWS

Numbers with missing values under several names and wild outliers, text of few and of many values, padded with blanks,
timestamps, ids, free text with quotes and commas, and one row in a hundred written twice.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

BLOCK = 100_000
NUMBERS = tuple(f"sensor_{place:02d}" for place in range(1, 13))
COUNTS = ("stops", "passengers", "age_days", "floor")
SMALL = {"weather": 5, "vehicle": 8, "traffic": 4, "district": 30, "operator": 25, "tariff": 12}
LARGE = {"street": 900, "model": 400}
NULL_WORDS = ("", "NA", "null", "N/A")
REMARKS = ("", "fine", 'said "later", twice', "no answer, left a note", "gate code 12,34", "ok", "second floor")
DUPLICATES = 100  # one row in so many is written twice


def write_table(path: Path, rows: int) -> None:
    schema = _block(0, 1).schema
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("blocks", pa.RecordBatchReader.from_batches(schema, _blocks(rows)))
        connection.execute(f"COPY (SELECT * FROM blocks) TO '{path}' (FORMAT csv, HEADER)")


def _blocks(rows: int) -> Iterator[pa.RecordBatch]:
    unique = rows - rows // (DUPLICATES + 1)
    repeated = 0
    for start in range(0, unique, BLOCK):
        block = _block(start, min(BLOCK, unique - start))
        again = np.flatnonzero((start + np.arange(len(block))) % DUPLICATES == 7)
        again = again[: max(rows - unique - repeated, 0)]
        repeated += len(again)
        order = np.sort(np.concatenate([np.arange(len(block)), again]), kind="stable")
        yield block.take(pa.array(order))


def _block(start: int, size: int) -> pa.RecordBatch:
    random = np.random.default_rng([7, start])
    hidden = random.normal(size=size)
    columns: dict[str, pa.Array] = {
        "ride_id": pa.array(np.char.add("R", np.char.zfill((start + np.arange(size)).astype(str), 8))),
        "requested_at": _times(random, start, size),
    }
    for place, name in enumerate(NUMBERS):
        values = 20 + 5 * (place + 1) * (hidden * 0.3 + random.normal(size=size))
        values[random.random(size) < 0.001] *= 1000
        columns[name] = _holes(pa.array(values.round(4)).cast(pa.string()), random, 0.01 * (place % 5))
    for place, name in enumerate(COUNTS):
        counts = pa.array(random.poisson(3 + 40 * place, size))
        columns[name] = _holes(counts.cast(pa.string()), random, 0.02 * place)
    for name, count in (SMALL | LARGE).items():
        words = np.array([f"{name} {number}" for number in range(count)])
        drawn = np.minimum((random.exponential(0.25, size) * count).astype(int), count - 1)
        columns[name] = _holes(_padded(words[drawn], random), random, 0.01)
    columns["priority"] = _holes(pa.array(np.where(random.random(size) < 0.2, "true", "false")), random, 0.005)
    columns["remark"] = pa.array(np.array(REMARKS)[random.integers(0, len(REMARKS), size)])
    columns["gps_lat"] = pa.array((50.4 + 0.1 * random.normal(size=size)).round(6)).cast(pa.string())
    columns["gps_lon"] = pa.array((30.5 + 0.1 * random.normal(size=size)).round(6)).cast(pa.string())
    target = 30 + 9 * hidden + 4 * random.normal(size=size)
    columns["duration_min"] = _holes(pa.array(target.round(2)).cast(pa.string()), random, 0.005)
    return pa.RecordBatch.from_pydict(columns)


def _times(random: np.random.Generator, start: int, size: int) -> pa.Array:
    seconds = 1_767_225_600 + 4 * (start + np.arange(size)) + random.integers(0, 600, size)
    return pc.strftime(pa.array(seconds, pa.timestamp("s")), "%Y-%m-%d %H:%M:%S")


def _holes(texts: pa.Array, random: np.random.Generator, share: float) -> pa.Array:
    words = pa.array(np.array(NULL_WORDS)[random.integers(0, len(NULL_WORDS), len(texts))])
    return pc.if_else(pa.array(random.random(len(texts)) < share), words, texts)


def _padded(words: NDArray[np.str_], random: np.random.Generator) -> pa.Array:
    padded = random.random(len(words)) < 0.01
    return pa.array(np.where(padded, np.char.add(" ", words), words))


if __name__ == "__main__":
    write_table(Path(sys.argv[1]), int(sys.argv[2]))
