"""Several numbers of each row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from modelwright.core.columns import Schema
from modelwright.core.outputs import Output
from modelwright.parts.base import Task
from modelwright.parts.several import alone, different

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.predictions import Predictions
    from modelwright.parts.samples import Floats


class MultiRegression(Task):
    """Regression of several targets: `prediction` is a number for each, in its own unit.

    Each target gets a model of its own, fitted as `regression` would; all are in one graph, behind one set of features,
    so one request answers all. Metrics are means over the targets, and evaluate tells each alone as well. Rows that
    lack one of the targets are left out.
    """

    kind: Literal["multi_regression"] = "multi_regression"
    target: Annotated[list[str], AfterValidator(different)] = Field(
        min_length=2, max_length=1000, description="Columns to predict."
    )
    metric: str | None = Field(None, description="Metric that drives tune.")

    default_metrics: ClassVar[tuple[str, ...]] = ("r2", "rmse", "mae")
    default_split: ClassVar[Mapping[str, Any]] = {"kind": "random", "validation": 0.15, "test": 0.15}
    example: ClassVar[Mapping[str, Any]] = {"target": ["duration_min", "distance_km"]}

    @property
    def of_models(self) -> str:
        return "regression"

    def of_each(self, schema: Schema) -> tuple[tuple[Task, Schema], ...]:
        from modelwright.parts.catalog import load

        one = load("tasks", "regression")
        metric = {"metric": self.metric} if self.metric else {}
        tasks = [one.model_validate({"kind": "regression", "target": name, **metric}) for name in self.target]
        return tuple((task, alone(schema, name, None)) for task, name in zip(tasks, self.target, strict=True))  # type: ignore[misc]  # the room holds tasks

    def check_target(self, schema: Schema) -> None:
        for task, seen in self.of_each(schema):
            task.check_target(seen)

    def encode(self, values: Any, schema: Schema) -> Floats:
        return self.of_each(schema)[0][0].encode(values, schema)

    def compile(self, graph: GraphBuilder, scores: str, schema: Schema) -> None:
        from modelwright.graph.builder import NUMBER

        graph.output("prediction", scores, NUMBER, ["N", len(self.target)])

    def outputs(self, schema: Schema, widths: Mapping[str, int | None]) -> tuple[Output, ...]:
        return (Output("prediction", "number", tuple(self.target)),)

    def predictions(self, truth: Floats, scores: Floats, features: Floats | None, schema: Schema) -> Predictions:
        from modelwright.parts.predictions import Predictions

        return Predictions(truth, value=scores, targets=tuple(self.target))


PART = MultiRegression
