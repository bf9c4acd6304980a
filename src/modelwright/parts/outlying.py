"""How far is too far: bounds of a column on learn, and rows that a forest of random cuts isolates soon."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelwright.parts.rows import delete

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from modelwright.tables.engine import Engine

FITTED_ROWS = 100_000  # each tree sees 256 of them, so more would change nothing
Bounds = tuple[float, float] | None  # None where the column is too uniform to say


def learn() -> str:
    """SQL for being a row of learn."""
    from modelwright.tables.engine import quote
    from modelwright.tables.reading import SPLIT

    return f"{quote(SPLIT)} = 'learn'"


def outside(name: str, bounds: Bounds) -> str:
    """SQL that is never NULL."""
    from modelwright.tables.engine import quote

    if bounds is None:
        return "false"
    low, high = bounds
    return f"coalesce({quote(name)} < {low!r}::DOUBLE OR {quote(name)} > {high!r}::DOUBLE, false)"


def fences(engine: Engine, table: str, name: str, factor: float) -> Bounds:
    """Tukey's: so many interquartile ranges outside the quartiles."""
    from modelwright.tables.engine import quote

    query = f"SELECT quantile_cont({quote(name)}::DOUBLE, [0.25, 0.75]) FROM {quote(table)} WHERE {learn()}"
    quartiles = engine.value(query)
    if quartiles is None or quartiles[0] == quartiles[1]:
        return None
    low, high = quartiles
    return low - factor * (high - low), high + factor * (high - low)


def deviations(engine: Engine, table: str, name: str, factor: float) -> Bounds:
    """So many standard deviations around the mean; sums are taken in row order, so that every bit is the same again."""
    import numpy as np

    from modelwright.tables.engine import quote

    value = quote(name)
    query = f"SELECT {value}::DOUBLE AS v FROM {quote(table)} WHERE {learn()} AND {value} IS NOT NULL ORDER BY rowid"
    count, mean, squares = 0, 0.0, 0.0
    for batch in engine.batches(query):
        values = batch.column("v").to_numpy(zero_copy_only=False)
        difference, rows = float(np.mean(values)) - mean, count + len(values)
        squares += float(np.var(values)) * len(values) + difference**2 * count * len(values) / rows
        mean, count = mean + difference * len(values) / rows, rows
    deviation = math.sqrt(squares / count) if count else 0.0
    return (mean - factor * deviation, mean + factor * deviation) if deviation else None


def drop_isolated(
    engine: Engine, table: str, names: Sequence[str], contamination: float, trees: int, seed: int
) -> None:
    """Take out the rows of learn whose score is below the quantile `contamination` of learn's scores.

    Fitted on at most `FITTED_ROWS` rows, chosen by hash; scored in pieces, in a file of the engine's folder.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from sklearn.ensemble import IsolationForest

    from modelwright.tables.engine import literal, quote

    listed = ", ".join(f"{quote(name)}::DOUBLE AS c{place}" for place, name in enumerate(names))
    rows = f"SELECT rowid AS row, {listed} FROM {quote(table)} WHERE {learn()}"
    drawn = f"SELECT * FROM ({rows} ORDER BY hash(rowid, {seed}::BIGINT), rowid LIMIT {FITTED_ROWS}) ORDER BY row"
    sample = _matrix(engine.arrow(drawn))
    if not len(sample):
        return
    medians = _medians(sample)
    forest = IsolationForest(n_estimators=trees, random_state=seed).fit(_filled(sample, medians))
    path = engine.folder / "isolation.parquet"
    written = pa.schema({"row": pa.int64(), "score": pa.float64()})
    with pq.ParquetWriter(path, written) as writer:
        for batch in engine.batches(f"{rows} ORDER BY rowid"):
            scores = forest.score_samples(_filled(_matrix(batch), medians))
            writer.write_table(pa.table([batch.column("row"), scores], schema=written))
    scored = f"read_parquet({literal(str(path))})"
    limit = engine.value(f"SELECT quantile_cont(score, {contamination!r}::DOUBLE) FROM {scored}")
    delete(engine, table, f"rowid IN (SELECT row FROM {scored} WHERE score < {limit!r}::DOUBLE)")
    path.unlink()


def _matrix(table: pa.Table | pa.RecordBatch) -> NDArray[np.float64]:
    import numpy as np

    columns = [table.column(place).to_numpy(zero_copy_only=False) for place in range(1, table.num_columns)]
    return np.column_stack(columns).astype(np.float64)


def _medians(sample: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 for a column without any value."""
    import numpy as np

    columns = (column[~np.isnan(column)] for column in sample.T)
    return np.array([float(np.median(column)) if column.size else 0.0 for column in columns])


def _filled(rows: NDArray[np.float64], medians: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    return np.where(np.isnan(rows), medians, rows)
