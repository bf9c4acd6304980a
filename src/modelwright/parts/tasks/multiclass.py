"""One of several classes, without an order between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.columns import Schema
from modelwright.parts.base import Task
from modelwright.parts.classes import check_classes, compile_classes, encode_classes

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats

MOST_CLASSES = 1000


class Multiclass(Task):
    """Multiclass classification: `prediction` is the label, `probability` one number for each class."""

    kind: Literal["multiclass"] = "multiclass"
    target: str = Field(description="Column to predict.")
    metric: str | None = Field(None, description="Metric that chooses among candidates and drives tune.")

    classification: ClassVar[bool] = True
    default_metrics: ClassVar[tuple[str, ...]] = ("log_loss", "accuracy", "f1", "roc_auc")
    default_split: ClassVar[Mapping[str, Any]] = {"kind": "stratified", "validation": 0.15, "test": 0.15}
    example: ClassVar[Mapping[str, Any]] = {"target": "species"}

    def check_target(self, schema: Schema) -> None:
        hint = f"at most {MOST_CLASSES} classes can be told apart; is this a number? then use task.kind: regression"
        check_classes(schema, at_least=2, at_most=MOST_CLASSES, otherwise=hint)

    def encode(self, values: Any, schema: Schema) -> Floats:
        return encode_classes(values, schema)

    def compile(self, graph: GraphBuilder, scores: str, schema: Schema) -> None:
        compile_classes(graph, scores, schema)


PART = Multiclass
