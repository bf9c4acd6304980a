"""One of two classes. `positive` is the class that metrics such as f1 are about (default: the last by value)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.columns import Schema
from modelwright.core.errors import SpecError
from modelwright.parts.base import Task
from modelwright.parts.classes import check_classes, compile_classes, encode_classes

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.predictions import Predictions
    from modelwright.parts.samples import Floats


class Binary(Task):
    """Binary classification: `prediction` is the label, `probability` one number for each of the two classes."""

    kind: Literal["binary"] = "binary"
    target: str = Field(description="Column to predict.")
    metric: str | None = Field(None, description="Metric that chooses among candidates and drives tune.")
    positive: str | int | bool | None = Field(None, description="The positive class; default: the last by value.")

    classification: ClassVar[bool] = True
    default_metrics: ClassVar[tuple[str, ...]] = ("roc_auc", "log_loss", "f1", "accuracy")
    default_split: ClassVar[Mapping[str, Any]] = {"kind": "stratified", "validation": 0.15, "test": 0.15}
    example: ClassVar[Mapping[str, Any]] = {"target": "churn"}

    def check_target(self, schema: Schema) -> None:
        check_classes(schema, at_least=2, at_most=2, otherwise="for more than two classes use task.kind: multiclass")
        if self.positive is not None and self.positive not in (schema.classes or ()):
            raise SpecError(
                f"task.positive: {self.positive!r} is not a class", hint=f"classes: {list(schema.classes or ())}"
            )

    def encode(self, values: Any, schema: Schema) -> Floats:
        return encode_classes(values, schema)

    def compile(self, graph: GraphBuilder, scores: str, schema: Schema) -> None:
        compile_classes(graph, scores, schema)

    def predictions(self, truth: Floats, scores: Floats, features: Floats | None, schema: Schema) -> Predictions:
        """The positive class is 1, also where it is the first of the two; ties go to the first, as in the graph."""
        import numpy as np

        from modelwright.parts.predictions import Predictions

        if self.positive is None or schema.classes is None or schema.classes[0] != self.positive:
            return Predictions(truth, label=np.argmax(scores, axis=1).astype(np.float64), probability=scores)
        swapped = scores[:, ::-1]
        return Predictions(1 - truth, label=(swapped[:, 1] >= swapped[:, 0]).astype(np.float64), probability=swapped)


PART = Binary
