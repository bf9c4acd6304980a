"""Which of several labels a row has: none, one or many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from modelwright.core.columns import Schema
from modelwright.core.errors import DataError
from modelwright.core.outputs import Output
from modelwright.parts.base import Task
from modelwright.parts.several import alone, different

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.predictions import Predictions
    from modelwright.parts.samples import Floats

EVEN = 0.5


class Multilabel(Task):
    """Multilabel classification: `prediction` says of each label whether the row has it, `probability` how likely.

    Each label is a column of true and false, or of 1 and 0. It gets a model of its own, fitted as `binary` would
    (binary relevance); all are in one graph. Where a row has exactly one of the labels, `multiclass` is the task. Rows
    that lack one of the columns are left out.
    """

    kind: Literal["multilabel"] = "multilabel"
    target: Annotated[list[str], AfterValidator(different)] = Field(
        min_length=2, max_length=1000, description="Columns to predict, one for each label."
    )
    metric: str | None = Field(None, description="Metric that drives tune.")

    default_metrics: ClassVar[tuple[str, ...]] = ("f1", "f1_micro", "log_loss", "hamming_loss", "subset_accuracy")
    default_split: ClassVar[Mapping[str, Any]] = {"kind": "random", "validation": 0.15, "test": 0.15}
    example: ClassVar[Mapping[str, Any]] = {"target": ["sports", "politics"]}

    @property
    def of_models(self) -> str:
        return "binary"

    def of_each(self, schema: Schema) -> tuple[tuple[Task, Schema], ...]:
        from modelwright.parts.catalog import load

        one, found = load("tasks", "binary"), []
        for name in self.target:
            classes = (False, True) if schema[name].type == "boolean" else (0, 1)
            found.append((one.model_validate({"kind": "binary", "target": name}), alone(schema, name, classes)))
        return tuple(found)  # type: ignore[arg-type]  # the room holds tasks

    def check_target(self, schema: Schema) -> None:
        for name in self.target:
            column = schema[name]
            numbers = column.type in ("boolean", "integer", "number")
            if not numbers or (column.type != "boolean" and not {column.minimum, column.maximum} <= {0, 1}):
                raise DataError(
                    f"{name}: the target is {_told(column.type, column.minimum, column.maximum)}; multilabel needs a "
                    "column of true and false, or of 1 and 0, for each label",
                    hint="one column that names the class is a target of task.kind: multiclass",
                )

    def encode(self, values: Any, schema: Schema) -> Floats:
        import numpy as np
        import pyarrow as pa

        return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)

    def compile(self, graph: GraphBuilder, scores: str, schema: Schema) -> None:
        import numpy as np

        from modelwright.graph.builder import BOOLEAN, NUMBER

        width = len(self.target)
        graph.output("prediction", graph.op("Greater", scores, np.float64(EVEN)), BOOLEAN, ["N", width])
        graph.output("probability", scores, NUMBER, ["N", width])

    def outputs(self, schema: Schema, widths: Mapping[str, int | None]) -> tuple[Output, ...]:
        labels = tuple(self.target)
        return (Output("prediction", "boolean", labels), Output("probability", "number", labels))

    def predictions(self, truth: Floats, scores: Floats, features: Floats | None, schema: Schema) -> Predictions:
        import numpy as np

        from modelwright.parts.predictions import Predictions

        labels = (scores > EVEN).astype(np.float64)
        return Predictions(truth, label=labels, probability=scores, targets=tuple(self.target))


def _told(kind: str, minimum: float | None, maximum: float | None) -> str:
    return f"of type {kind}" + ("" if minimum is None else f" from {minimum:g} to {maximum:g}")


PART = Multilabel
