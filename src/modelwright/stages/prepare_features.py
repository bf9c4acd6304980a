"""Fits the feature steps on learn, as it lies in its file, and writes the graph, a preview and the matrices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from modelwright.core.columns import Schema
from modelwright.core.seeds import child_seed
from modelwright.fitting.features import FittedFeatures, fit_features, fit_learn_matrix
from modelwright.fitting.prepared import target_of
from modelwright.serving.log.arrow_columns import column
from modelwright.stages.job import Job
from modelwright.tables.table_files import opened

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats, Target
    from modelwright.runs.commit import Staged

PREVIEW_ROWS = 100
MOST_ROWS, MOST_CELLS = 8192, 4_000_000  # of a table in memory
GRAPH_ROWS = 2048  # of a matrix: what a processor's cache holds is computed, and turned, fast
GROUP_CELLS = 8_000_000  # of a row group
BLOCK = 256  # rows turned at a time
SAMPLE = 1000  # values that tell whether a column packs well


def fit(job: Job, learn: Path, schema: Schema, scratch: Path) -> FittedFeatures:
    """`learn` is read column by column, and what is too much to hold goes to `scratch`."""
    return fit_features(
        job.spec.prepare.features, learn, schema, _target(job, learn, schema), _seed(job), scratch=scratch
    )


def write(staged: Staged, features: FittedFeatures) -> None:
    staged.write_bytes("features.onnx", features.model)
    staged.write_json("features.json", features.to_dict())
    with opened(staged.path("learn.parquet")) as file:
        first = next(_tables(file, features, PREVIEW_ROWS))
    pq.write_table(_named(features, features.transform(first).T), staged.path("preview.parquet"))


def write_matrices(staged: Staged, job: Job, schema: Schema, features: FittedFeatures) -> None:
    """`learn_features.parquet` and so on: the matrix of each split, for other tools; a piece at a time.

    In learn, the values of cross-fitted steps are those that a model has to learn from: fitted on other rows.
    """
    for name in ("learn", "validation", "test"):
        source = staged.path(f"{name}.parquet")
        if name == "learn" and features.cross_fitted:
            table, target = pq.read_table(source), _target(job, source, schema)
            whole = fit_learn_matrix(job.spec.prepare.features, table, schema, target, _seed(job))[1]
            matrices: Iterable[Floats] = [whole]
        else:
            matrices = _matrices(features, source)
        _write_matrix(staged.path(f"{name}_features.parquet"), features, matrices)


def _write_matrix(path: Path, features: FittedFeatures, matrices: Iterable[Floats]) -> None:
    """A row group at a time. A dictionary of values, or their least and greatest, would cost more than all else here,
    and tell little; to pack values that do not repeat takes as long as writing them, for next to nothing.
    """
    groups = _groups(len(features.features), matrices)
    first = next(groups, np.empty((len(features.features), 0)))
    table = _named(features, first)
    packed = {name: "lz4" if _repeats(one) else "none" for name, one in zip(table.schema.names, first, strict=True)}
    with pq.ParquetWriter(
        path, table.schema, compression=packed, use_dictionary=False, write_statistics=False
    ) as writer:
        if len(table):
            writer.write_table(table)
        for group in groups:
            writer.write_table(_named(features, group))


def _groups(width: int, matrices: Iterable[Floats]) -> Iterator[Floats]:
    """[F, n] for each row group: columns, in one buffer that is used again."""
    buffer, held = np.empty((width, max(GROUP_CELLS // width, 1))), 0
    for matrix in matrices:
        while len(matrix):
            block = matrix[: min(BLOCK, buffer.shape[1] - held)]
            buffer[:, held : held + len(block)] = block.T
            matrix, held = matrix[len(block) :], held + len(block)
            if held == buffer.shape[1]:
                yield buffer
                held = 0
    if held:
        yield buffer[:, :held]


def _repeats(values: Floats) -> bool:
    """Whether few different values are among the first."""
    sample = values[:SAMPLE]
    return 2 * len(np.unique(sample)) < len(sample)


def _matrices(features: FittedFeatures, path: Path) -> Iterator[Floats]:
    with opened(path) as file:
        for table in _tables(file, features, _rows(features)):
            yield from features.transform_pieces(table, GRAPH_ROWS)


def _tables(file: pq.ParquetFile, features: FittedFeatures, rows: int) -> Iterator[pa.Table]:
    names = list(features.inputs) or file.schema_arrow.names[:1]
    if not file.metadata.num_rows:
        yield file.schema_arrow.empty_table().select(names)
    for batch in file.iter_batches(rows, columns=names, use_threads=False):
        yield pa.Table.from_batches([batch])


def _rows(features: FittedFeatures) -> int:
    return max(min(MOST_ROWS, MOST_CELLS // len(features.features)), 1)


def _named(features: FittedFeatures, columns: Floats) -> pa.Table:
    """[F, n], NaN for missing, as a table."""
    return pa.table([_array(values) for values in columns], names=[feature.name for feature in features.features])


def _array(values: Floats) -> pa.Array:
    """As it lies in memory where nothing is missing, which the least value tells soonest."""
    if np.isnan(values.min(initial=np.inf)):
        return column("number", values)
    return pa.Array.from_buffers(pa.float64(), len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def _target(job: Job, learn: Path, schema: Schema) -> Target | None:
    with opened(learn) as file:  # read_table would import pandas
        return target_of(job.spec.task, file.read(list(job.spec.task.targets)), schema)


def _seed(job: Job) -> int:
    return child_seed(job.spec.seed, "features")
