"""What a prepare run left, as the tables, features and samples that models are fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from modelwright.core.columns import Schema
from modelwright.fitting import scoring
from modelwright.fitting.features import FittedFeatures, fit_features
from modelwright.parts.base import Samples, Target, Task

if TYPE_CHECKING:
    from modelwright.parts.base import Floats
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
    def learn_samples(self) -> Samples:
        return self.samples(self.learn, self.features)

    @cached_property
    def validation_samples(self) -> Samples:
        return self.samples(self.validation, self.features)

    @cached_property
    def pool_samples(self) -> Samples:
        return self.samples(self.pool, self.features)

    def samples(self, table: pa.Table, features: FittedFeatures) -> Samples:
        """Any rows, through features fitted on these or others."""
        return Samples(features.transform(table), self.target(table), scoring.weights_of(table, self.schema))

    def target(self, table: pa.Table) -> Floats:
        return self.task.encode(table.column(self.task.target).combine_chunks(), self.schema)

    def refitted(self, table: pa.Table, seed: int) -> FittedFeatures:
        """The same steps, fitted on other rows."""
        target = Target(self.target(table), len(self.schema.classes or ()))
        return fit_features(self.features.steps, table, self.schema, target, seed)


def read_prepared(task: Task, prepare: Run) -> Prepared:
    """Every file verified."""
    return Prepared(
        task,
        Schema.from_dict(prepare.read_json("schema.json")),
        pq.read_table(prepare.file("learn.parquet")),
        pq.read_table(prepare.file("validation.parquet")),
        FittedFeatures.from_dict(prepare.read_bytes("features.onnx"), prepare.read_json("features.json")),
    )
