"""What a prepare run left, as the tables, features and samples that models are fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from modelwright.core.columns import Schema
from modelwright.core.memory import free_at_once
from modelwright.fitting import scoring
from modelwright.fitting.features import FittedFeatures, fit_features, fit_learn_matrix
from modelwright.parts.base import Task, Validation
from modelwright.parts.folding import Fold, FoldRows
from modelwright.parts.samples import Samples, Target
from modelwright.parts.validations.holdout import Holdout

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats
    from modelwright.runs.store import Run

MANY_CELLS = 10_000_000  # of a matrix, 80 MB; from there on what is freed shall not lie idle


@dataclass(frozen=True)
class Prepared:
    """Tables of learn and validation, and the features fitted on learn.

    With `learn_file`, the inputs stay in that file until they are asked for: `learn` has the other columns, and a model
    of the matrix alone never holds both.
    """

    task: Task
    schema: Schema
    learn: pa.Table
    validation: pa.Table
    features: FittedFeatures
    learn_file: Path | None = None

    @property
    def pool(self) -> pa.Table:
        """Learn and, after it, validation."""
        return pa.concat_tables([self.whole_learn, self.validation])

    @property
    def pool_keys(self) -> pa.Table:
        """The same rows, without inputs."""
        return pa.concat_tables([self.learn, self.validation.select(self.learn.column_names)])

    @property
    def whole_learn(self) -> pa.Table:
        return self.learn if self.learn_file is None else _read(self.learn_file)

    def divided(self, validation: Validation, seed: int) -> list[Fold] | None:
        """As `validation` divides learn and validation; None: they stay as they are, and nothing is read for it."""
        return None if isinstance(validation, Holdout) else validation.divide(self.fold_rows, seed)

    @property
    def fold_rows(self) -> FoldRows:
        """What a validation divides."""
        classes = self.target(self.pool_keys) if self.task.classification else None
        return FoldRows(self.pool, self.schema, ", ".join(self.task.targets), classes)

    @cached_property
    def learn_samples(self) -> Samples:
        if self.features.cross_fitted:  # what prepare fitted is in the graph; fitted anew, it is the same
            return self.fitted_on(self.whole_learn)[1]
        if self.learn_file is None:
            return self.samples(self.learn, self.features)
        return self._samples(self.learn, self._matrix_of(self.learn_file))

    def _matrix_of(self, file: Path) -> Floats:
        matrix = np.empty((self.learn.num_rows, len(self.features.features)))
        start = 0
        for rows in self.features.transform_batches(file):
            matrix[start : start + len(rows)] = rows
            start += len(rows)
        if matrix.size > MANY_CELLS:
            free_at_once()  # what making it took
        return matrix

    @cached_property
    def validation_samples(self) -> Samples:
        return self.samples(self.validation, self.features)

    @cached_property
    def pool_samples(self) -> Samples:
        return self.samples(self.pool, self.features)

    def samples(self, table: pa.Table, features: FittedFeatures) -> Samples:
        """Rows that the features were not fitted on; or any rows, where no step is cross-fitted."""
        return self._samples(table, features.transform(table))

    def fitted_on(self, table: pa.Table) -> tuple[FittedFeatures, Samples]:
        """The same steps fitted on other rows, and those rows for a model to learn from."""
        steps, seed = self.features.steps, self.features.seed
        target = target_of(self.task, table, self.schema)
        if not self.features.cross_fitted:
            features = fit_features(steps, table, self.schema, target, seed)
            return features, self.samples(table, features)
        features, matrix = fit_learn_matrix(steps, table, self.schema, target, seed)
        return features, self._samples(table, matrix)

    def _samples(self, table: pa.Table, matrix: Floats) -> Samples:
        return Samples(matrix, self.target(table), scoring.weights_of(table, self.schema))

    def target(self, table: pa.Table) -> Floats:
        """[N], [N, T] of several targets, [N, 0] where nothing is learnt from."""
        return self.task.truth(table, self.schema) if self.task.supervised else np.empty((table.num_rows, 0))


def target_of(task: Task, table: pa.Table, schema: Schema) -> Target | None:
    """What feature steps may learn from: one target, or nothing."""
    if not task.supervised or len(task.targets) != 1:
        return None
    return Target(task.truth(table, schema), len(schema.classes or ()) if task.classification else 0)


def read_prepared(task: Task, prepare: Run) -> Prepared:
    """Every file verified."""
    schema = Schema.from_dict(prepare.read_json("schema.json"))
    file, validation = prepare.file("learn.parquet"), prepare.file("validation.parquet")
    inputs = {column.name for column in schema.of_role("input")} - {schema.group}
    if pq.read_metadata(file).num_rows * len(inputs) > MANY_CELLS:
        free_at_once()
    return Prepared(
        task,
        schema,
        _read(file, [name for name in pq.read_schema(file).names if name not in inputs]),
        _read(validation),
        FittedFeatures.from_dict(prepare.read_bytes("features.onnx"), prepare.read_json("features.json")),
        file,
    )


def _read(path: Path, names: Sequence[str] | None = None) -> pa.Table:
    """One column after the other, each in one piece: read at once, a file is in memory more than twice."""
    with pq.ParquetFile(path) as file:
        names = names or file.schema_arrow.names
        columns = [file.read([name], use_threads=False).select([name]).combine_chunks() for name in names]
    return pa.table([column.column(0) for column in columns], names)
