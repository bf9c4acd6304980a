"""What a prepare run left, as the tables, features and samples that models are fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from modelwright.core.columns import Schema
from modelwright.fitting import scoring
from modelwright.fitting.features import FittedFeatures, fit_features, fit_learn_matrix
from modelwright.parts.base import Task
from modelwright.parts.folding import FoldRows
from modelwright.parts.samples import Samples, Target

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats
    from modelwright.runs.store import Run


@dataclass(frozen=True)
class Prepared:
    """Tables of learn and validation, and the features fitted on learn."""

    task: Task
    schema: Schema
    learn: pa.Table
    validation: pa.Table
    features: FittedFeatures

    @property
    def pool(self) -> pa.Table:
        """Learn and, after it, validation."""
        return pa.concat_tables([self.learn, self.validation])

    @cached_property
    def fold_rows(self) -> FoldRows:
        """What a validation divides."""
        classes = self.target(self.pool) if self.task.classification else None
        return FoldRows(self.pool, self.schema, self.task.target, classes)

    @cached_property
    def learn_samples(self) -> Samples:
        if self.features.cross_fitted:  # what prepare fitted is in the graph; fitted anew, it is the same
            return self.fitted_on(self.learn)[1]
        return self.samples(self.learn, self.features)

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
        target = Target(self.target(table), len(self.schema.classes or ()))
        if not self.features.cross_fitted:
            features = fit_features(steps, table, self.schema, target, seed)
            return features, self.samples(table, features)
        features, matrix = fit_learn_matrix(steps, table, self.schema, target, seed)
        return features, self._samples(table, matrix)

    def _samples(self, table: pa.Table, matrix: Floats) -> Samples:
        return Samples(matrix, self.target(table), scoring.weights_of(table, self.schema))

    def target(self, table: pa.Table) -> Floats:
        return self.task.encode(table.column(self.task.target).combine_chunks(), self.schema)


def read_prepared(task: Task, prepare: Run) -> Prepared:
    """Every file verified."""
    return Prepared(
        task,
        Schema.from_dict(prepare.read_json("schema.json")),
        pq.read_table(prepare.file("learn.parquet")),
        pq.read_table(prepare.file("validation.parquet")),
        FittedFeatures.from_dict(prepare.read_bytes("features.onnx"), prepare.read_json("features.json")),
    )
