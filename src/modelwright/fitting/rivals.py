"""The other model of a comparison: what it says of the rows, and which rows it has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from modelwright.core.columns import Schema
from modelwright.core.errors import DataError
from modelwright.fitting import scoring
from modelwright.graph.running import Scorer
from modelwright.parts.base import Task
from modelwright.parts.folding import row_digests
from modelwright.parts.predictions import Predictions


@dataclass(frozen=True)
class FittedRows:
    """Digests of all rows that a model depends on, each once; `told_apart_by` are the columns that they are made of."""

    digests: NDArray[np.int64]
    told_apart_by: tuple[str, ...]

    @classmethod
    def read(cls, path: Path, told_apart_by: Sequence[str]) -> FittedRows:
        return cls(np.unique(row_digests(pq.read_table(path))), tuple(told_apart_by))


@dataclass(frozen=True)
class Rival:
    """`label` names its run; `fitted` is None where the rows that it was fitted on are not known any more."""

    label: str
    graph: bytes
    schema: Schema
    fitted: FittedRows | None

    def predictions(self, table: pa.Table, schema: Schema, task: Task) -> Predictions | str:
        """Of rows prepared for another model; a sentence where it can't score them."""
        scorer = Scorer(self.graph)
        missing = [name for name in scorer.inputs if name not in table.column_names]
        if missing:
            return f"it needs columns that this data no longer has: {', '.join(missing)}"
        if self.schema.classes != schema.classes:
            return f"it tells other classes apart: {_listed(self.schema)}, this data has {_listed(schema)}"
        try:
            outputs = scorer.run_table(table)
        except DataError as error:
            return f"it can't score these rows: {error.problems[0]}"
        return scoring.of_graph(task, schema, table, outputs)


def unseen(
    digests: NDArray[np.int64], told_apart_by: Sequence[str], models: Sequence[tuple[str, FittedRows | None]]
) -> NDArray[np.bool_] | str:
    """Which rows no model was fitted on; a sentence where that can't be told of one of them."""
    found = np.ones(len(digests), dtype=bool)
    for label, fitted in models:
        if fitted is None:
            return f"the rows that {label} was fitted on are no longer known (its train run is gone)"
        if fitted.told_apart_by != tuple(told_apart_by):
            return (
                f"the rows that {label} was fitted on can't be told from others: they are known by "
                f"{', '.join(fitted.told_apart_by)}, these rows by {', '.join(told_apart_by)}; "
                "give the data a column of role id"
            )
        found &= ~np.isin(digests, fitted.digests)
    return found


def _listed(schema: Schema) -> str:
    return ", ".join(str(label) for label in (schema.classes or ())[:10]) or "none"
