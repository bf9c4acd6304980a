"""The contract of a task: what is predicted, if anything, what the graph answers, and how that is measured.

What a model of each task computes (`Fitted.predict`, and `Fitted.compile` as one float64 tensor, its scores):

binary, multiclass    [N, K] probabilities
ordinal               [N, K] probabilities, of a model of two classes for each step of the order
regression            [N] values
quantile              [N, Q] values, of a model for each quantile, sorted
clustering            [N, 1 + K]: the number of the row's cluster (-1: none), then its distance to each of K clusters
dimension_reduction   [N, 1 + K]: squared error of the row's reconstruction, then its K components
anomaly               [N] the higher, the stranger the row; the task finds the threshold (`completed`)

multilabel and multi_regression have no models of their own: each target gets a model of `of_each`, and their scores
are [N, T].
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from modelwright.core.columns import Schema
from modelwright.core.outputs import Output
from modelwright.parts.part import Part

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.predictions import Predictions
    from modelwright.parts.samples import Fitted, Floats, Samples


class Task(Part):
    """What is predicted. Defines outputs and defaults that other parts lean on."""

    metric: str | None

    classification: ClassVar[bool] = False  # True: one target, of classes that `schema.classes` lists
    supervised: ClassVar[bool] = True  # False: models and steps see no target; one that is named is for evaluating only
    in_feature_space: ClassVar[bool] = False  # True: metrics want the features too, as the model sees them
    default_metrics: ClassVar[tuple[str, ...]]  # the first chooses among candidates and drives tune
    default_split: ClassVar[Mapping[str, Any]]

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns of role target, in order."""
        named = getattr(self, "target", None)
        return (named,) if isinstance(named, str) else tuple(named or ())

    @property
    def said(self) -> str:
        """The task in words: `binary of churn`."""
        return f"{self.kind} of {', '.join(self.targets)}" if self.targets and self.supervised else self.kind

    @property
    def of_models(self) -> str:
        """The kind of task that its models are made for; of several targets, that of one."""
        return self.kind

    def metrics(self) -> tuple[str, ...]:
        """What is measured where the spec names no metrics; the first decides."""
        return self.default_metrics

    def of_each(self, schema: Schema) -> tuple[tuple[Task, Schema], ...]:
        """For a task of several targets: the task of each alone, with the schema as that task sees it."""
        return ()

    def ordered(self, classes: Sequence[Any]) -> tuple[Any, ...]:
        """The classes of learn, which come sorted by value, in the order that their codes have."""
        return tuple(classes)

    @abstractmethod
    def check_target(self, schema: Schema) -> None:
        """DataError when the target of learn can't be predicted: one class, too many classes, constant."""

    @abstractmethod
    def encode(self, values: Any, schema: Schema) -> Floats:
        """One target column (Arrow array) to [N] float64: class codes in `schema.classes` order, or the numbers."""

    def truth(self, table: Any, schema: Schema) -> Floats:
        """What an Arrow table says of its rows: [N] of one target, [N, T] of several, [N, 0] of none."""
        import numpy as np

        columns = [self.encode(table.column(name).combine_chunks(), schema) for name in self.targets]
        if len(columns) == 1:
            return columns[0]
        return np.stack(columns, axis=1) if columns else np.empty((table.num_rows, 0))

    @abstractmethod
    def compile(self, graph: GraphBuilder, scores: str, schema: Schema) -> None:
        """Declare the graph's outputs from a model's scores."""

    def outputs(self, schema: Schema, widths: Mapping[str, int | None]) -> tuple[Output, ...]:
        """What is answered, the main answer first; `widths` are those of the compiled graph's outputs."""
        if schema.classes is None:
            return (Output("prediction", "number"),)
        kind = {bool: "boolean", int: "integer"}.get(type(schema.classes[0]), "text")
        labels = tuple(str(label) for label in schema.classes)
        return (Output("prediction", kind), Output("probability", "number", labels))

    def scores_of(self, outputs: Mapping[str, Any]) -> Floats:
        """The model's scores, from what the graph answered."""
        found: Floats = outputs["probability"] if "probability" in outputs else outputs["prediction"]
        return found

    def predictions(self, truth: Floats, scores: Floats, features: Floats | None, schema: Schema) -> Predictions:
        """Scores as metrics want them; `features` [N, F] where the task is `in_feature_space`."""
        import numpy as np

        from modelwright.parts.predictions import Predictions

        if not self.classification:
            return Predictions(truth, value=scores)
        return Predictions(truth, label=np.argmax(scores, axis=1).astype(np.float64), probability=scores)

    def completed(self, fitted: Fitted, learn: Samples) -> Fitted:
        """The fitted model with what the task adds to it: a threshold found on learn, say."""
        return fitted
