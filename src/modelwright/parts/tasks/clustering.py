"""Which rows are alike: groups that nobody has named."""

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


class Clustering(Task):
    """Clustering: `cluster` is the number of a row's cluster (-1: of none), `distance_to` how far it is from each.

    It has no target; give a column that already names groups `role: ignore`, so that it is no input. What a distance
    is, the model says: to a centre, to the nearest core row, or the share of probability that another cluster has.
    """

    kind: Literal["clustering"] = "clustering"
    metric: str | None = Field(None, description="Metric that drives tune.")

    supervised: ClassVar[bool] = False
    in_feature_space: ClassVar[bool] = True
    default_metrics: ClassVar[tuple[str, ...]] = ("silhouette", "davies_bouldin", "calinski_harabasz")
    default_split: ClassVar[Mapping[str, Any]] = {"kind": "random", "validation": 0.15, "test": 0.15}

    @model_validator(mode="before")
    @classmethod
    def _no_target(cls, given: Any) -> Any:
        return no_target(given, "clustering")

    def check_target(self, schema: Schema) -> None:
        """Nothing: there is none."""

    def encode(self, values: Any, schema: Schema) -> Floats:
        raise AssertionError("clustering has no target")

    def compile(self, graph: GraphBuilder, scores: str, schema: Schema) -> None:
        import numpy as np

        from modelwright.graph.builder import INTEGER, NUMBER

        width = graph.width(scores)
        number = graph.op("Gather", scores, np.int64(0), axis=1)
        distances = graph.op("Slice", scores, np.array([1]), np.array([width]), np.array([1]))
        graph.output("cluster", graph.cast(number, INTEGER), INTEGER, ["N"])
        graph.output("distance_to", distances, NUMBER, ["N", width - 1])

    def outputs(self, schema: Schema, widths: Mapping[str, int | None]) -> tuple[Output, ...]:
        labels = tuple(str(number) for number in range(widths["distance_to"] or 0))
        return (Output("cluster", "integer"), Output("distance_to", "number", labels))

    def scores_of(self, outputs: Mapping[str, Any]) -> Floats:
        import numpy as np

        found: Floats = np.column_stack([outputs["cluster"].astype(np.float64), outputs["distance_to"]])
        return found

    def predictions(self, truth: Floats, scores: Floats, features: Floats | None, schema: Schema) -> Predictions:
        from modelwright.parts.predictions import Predictions

        assert features is not None
        return Predictions(features, label=scores[:, 0])


PART = Clustering
