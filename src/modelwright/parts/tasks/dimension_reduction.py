"""Few numbers that say most of what many columns say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from modelwright.core.columns import Schema
from modelwright.core.outputs import Output
from modelwright.parts.base import Task
from modelwright.parts.untargeted import no_target

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.predictions import Predictions
    from modelwright.parts.samples import Floats


class DimensionReduction(Task):
    """Dimension reduction: `component` is a row's K numbers, `reconstruction_error` what they leave unsaid of it, as a
    sum of squares over the features as the model sees them.

    Choose it where the components are the result: to draw rows, to search for like ones, to hand them on. As a step on
    the way to a prediction, the feature steps `pca` and `svd` do the same inside any other task. It has no target.
    """

    kind: Literal["dimension_reduction"] = "dimension_reduction"
    metric: str | None = Field(None, description="Metric that drives tune.")

    supervised: ClassVar[bool] = False
    in_feature_space: ClassVar[bool] = True
    default_metrics: ClassVar[tuple[str, ...]] = ("explained_variance", "reconstruction_error")
    default_split: ClassVar[Mapping[str, Any]] = {"kind": "random", "validation": 0.15, "test": 0.15}

    @model_validator(mode="before")
    @classmethod
    def _no_target(cls, given: Any) -> Any:
        return no_target(given, "dimension_reduction")

    def check_target(self, schema: Schema) -> None:
        """Nothing: there is none."""

    def encode(self, values: Any, schema: Schema) -> Floats:
        raise AssertionError("dimension_reduction has no target")

    def compile(self, graph: GraphBuilder, scores: str, schema: Schema) -> None:
        import numpy as np

        from modelwright.graph.builder import NUMBER

        width = graph.width(scores)
        components = graph.op("Slice", scores, np.array([1]), np.array([width]), np.array([1]))
        graph.output("component", components, NUMBER, ["N", width - 1])
        graph.output("reconstruction_error", graph.op("Gather", scores, np.int64(0), axis=1), NUMBER, ["N"])

    def outputs(self, schema: Schema, widths: Mapping[str, int | None]) -> tuple[Output, ...]:
        labels = tuple(str(number + 1) for number in range(widths["component"] or 0))
        return (Output("component", "number", labels), Output("reconstruction_error", "number"))

    def scores_of(self, outputs: Mapping[str, Any]) -> Floats:
        import numpy as np

        found: Floats = np.column_stack([outputs["reconstruction_error"], outputs["component"]])
        return found

    def predictions(self, truth: Floats, scores: Floats, features: Floats | None, schema: Schema) -> Predictions:
        from modelwright.parts.predictions import Predictions

        assert features is not None
        return Predictions(features, value=scores[:, 0])


PART = DimensionReduction
