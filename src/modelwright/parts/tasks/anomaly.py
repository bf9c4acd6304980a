"""Which rows are unlike the others, whatever it is that makes them so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from modelwright.core.columns import NUMERIC, Schema
from modelwright.core.errors import SpecError
from modelwright.core.names import did_you_mean
from modelwright.core.outputs import Output
from modelwright.parts.base import Task
from modelwright.parts.flagging import flagged
from modelwright.parts.untargeted import no_target

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.predictions import Predictions
    from modelwright.parts.samples import Fitted, Floats, Samples


class Anomaly(Task):
    """Anomaly detection: `anomaly_score` is higher for stranger rows, `is_anomaly` says whether it is above what all
    but the share `contamination` of learn reach.

    Choose it where anomalies are rare, of many kinds or not labelled; with some hundred labels of each kind `binary`
    finds those kinds better. A column of labels, where there is one, is named under `labels`: neither model nor steps
    ever see it, but evaluate tells precision, recall and average precision by it, on the rows that have a label.
    """

    kind: Literal["anomaly"] = "anomaly"
    contamination: float = Field(0.05, gt=0, le=0.5, description="Share of learn that counts as anomalies.")
    labels: str | None = Field(None, description="Column that says which rows are anomalies, for evaluating only.")
    positive: str | int | bool | None = Field(None, description="The label of an anomaly; default: 1, or true.")
    metric: str | None = Field(None, description="Metric that drives tune.")

    supervised: ClassVar[bool] = False
    default_metrics: ClassVar[tuple[str, ...]] = ("flagged_share",)
    default_split: ClassVar[Mapping[str, Any]] = {"kind": "random", "validation": 0.15, "test": 0.15}

    @model_validator(mode="before")
    @classmethod
    def _no_target(cls, given: Any) -> Any:
        return no_target(given, "anomaly", "known labels are named under task.labels, for evaluating only")

    @property
    def targets(self) -> tuple[str, ...]:
        return () if self.labels is None else (self.labels,)

    def metrics(self) -> tuple[str, ...]:
        labelled = ("average_precision", "precision", "recall", "f1")
        return (*(labelled if self.labels else ()), *self.default_metrics)

    def check_target(self, schema: Schema) -> None:
        """SpecError when the labels don't tell which rows are anomalies."""
        if self.labels is None:
            return
        column = schema[self.labels]
        if self.positive is None:
            if column.type in NUMERIC and (column.type == "boolean" or (column.minimum, column.maximum) == (0, 1)):
                return
            hint = f"values: {', '.join(column.categories[:10])}" if column.categories else "or make it 0 and 1"
            raise SpecError(f"task.positive: which value of {self.labels} marks an anomaly?", hint=hint)
        if column.categories is not None and str(self.positive) not in column.categories:
            near = did_you_mean(str(self.positive), column.categories)
            hint = f"values: {', '.join(column.categories[:10])}"
            raise SpecError(f'task.positive: {self.labels} is never "{self.positive}"{near}', hint=hint)

    def encode(self, values: Any, schema: Schema) -> Floats:
        """1 for anomalies, NaN where nobody knows."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        if pa.types.is_dictionary(values.type):
            values = values.cast(pa.string())
        if values.type == pa.string():
            found = pc.equal(values, pa.scalar(str(self.positive)))
        else:
            sought = 1.0 if self.positive is None else float(self.positive)
            found = pc.equal(values.cast(pa.float64()), pa.scalar(sought))
        return np.asarray(found.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)

    def compile(self, graph: GraphBuilder, scores: str, schema: Schema) -> None:
        import numpy as np

        from modelwright.graph.builder import BOOLEAN, NUMBER

        score, above = (graph.op("Gather", scores, np.int64(at), axis=1) for at in range(2))
        graph.output("anomaly_score", score, NUMBER, ["N"])
        graph.output("is_anomaly", graph.cast(above, BOOLEAN), BOOLEAN, ["N"])

    def outputs(self, schema: Schema, widths: Mapping[str, int | None]) -> tuple[Output, ...]:
        return (Output("anomaly_score", "number"), Output("is_anomaly", "boolean"))

    def scores_of(self, outputs: Mapping[str, Any]) -> Floats:
        import numpy as np

        found: Floats = np.column_stack([outputs["anomaly_score"], outputs["is_anomaly"].astype(np.float64)])
        return found

    def predictions(self, truth: Floats, scores: Floats, features: Floats | None, schema: Schema) -> Predictions:
        from modelwright.parts.predictions import Predictions

        return Predictions(truth, label=scores[:, 1], value=scores[:, 0])

    def completed(self, fitted: Fitted, learn: Samples) -> Fitted:
        return flagged(fitted, learn.features, self.contamination)


PART = Anomaly
