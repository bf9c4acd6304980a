"""How high a number may come: the values that a stated share of rows stays below."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from modelwright.core.columns import Schema
from modelwright.core.outputs import Output
from modelwright.parts.base import Task
from modelwright.parts.tasks.regression import Regression

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.predictions import Predictions
    from modelwright.parts.samples import Floats

MIDDLE = 0.5


class Quantile(Task):
    """Quantile regression (Koenker and Bassett, 1978): `quantile` holds for each of `quantiles` the value that this
    share of rows like this one stays below; `prediction` is the one nearest to the median.

    One model is fitted for each quantile. They are sorted row by row, so that the quantiles never cross (Chernozhukov,
    Fernández-Val and Galichon, 2010). Choose it for intervals and for stocks, delays and budgets, where too little and
    too much do not cost the same: of costs a for too little and b for too much, the best answer is the quantile
    a / (a + b).
    """

    kind: Literal["quantile"] = "quantile"
    target: str = Field(description="Column to predict.")
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        (0.1, 0.5, 0.9), min_length=1, max_length=50, description="Shares of rows that stay below; 0.5 is the median."
    )
    metric: str | None = Field(None, description="Metric that chooses among candidates and drives tune.")

    default_metrics: ClassVar[tuple[str, ...]] = ("pinball", "coverage_error", "coverage")
    default_split: ClassVar[Mapping[str, Any]] = {"kind": "random", "validation": 0.15, "test": 0.15}
    example: ClassVar[Mapping[str, Any]] = {"target": "duration_min"}

    @field_validator("quantiles")
    @classmethod
    def _rising(cls, given: tuple[float, ...]) -> tuple[float, ...]:
        if list(given) != sorted(set(given)):
            raise ValueError("quantiles are to rise, none of them twice")
        return given

    @property
    def middle(self) -> int:
        """Which of the quantiles is nearest to the median."""
        return min(range(len(self.quantiles)), key=lambda at: abs(self.quantiles[at] - MIDDLE))

    def check_target(self, schema: Schema) -> None:
        Regression(target=self.target).check_target(schema)

    def encode(self, values: Any, schema: Schema) -> Floats:
        return Regression(target=self.target).encode(values, schema)

    def compile(self, graph: GraphBuilder, scores: str, schema: Schema) -> None:
        import numpy as np

        from modelwright.graph.builder import NUMBER

        graph.output("prediction", graph.op("Gather", scores, np.int64(self.middle), axis=1), NUMBER, ["N"])
        graph.output("quantile", scores, NUMBER, ["N", len(self.quantiles)])

    def outputs(self, schema: Schema, widths: Mapping[str, int | None]) -> tuple[Output, ...]:
        labels = tuple(f"{level:g}" for level in self.quantiles)
        return (Output("prediction", "number"), Output("quantile", "number", labels))

    def scores_of(self, outputs: Mapping[str, Any]) -> Floats:
        found: Floats = outputs["quantile"]
        return found

    def predictions(self, truth: Floats, scores: Floats, features: Floats | None, schema: Schema) -> Predictions:
        from modelwright.parts.predictions import Predictions

        return Predictions(truth, value=scores[:, self.middle], quantile=scores, levels=self.quantiles)


PART = Quantile
