"""One of several classes that have an order: grades, stages, stars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.columns import Schema
from modelwright.core.errors import DataError
from modelwright.core.names import did_you_mean
from modelwright.parts.base import Task
from modelwright.parts.classes import check_classes, encode_classes, publish_classes

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.predictions import Predictions
    from modelwright.parts.samples import Floats

MOST_CLASSES = 100  # each is one more model
HALF = 0.5


class Ordinal(Task):
    """Ordinal classification: `prediction` is the label in the middle of what is likely (the median), `probability`
    one number for each class, in their order.

    Any model of two classes does it: one model for each step of the order says how likely the class is above it (Frank
    and Hall, A Simple Approach to Ordinal Classification, ECML 2001); where they contradict each other they are made to
    fall. Choose it over multiclass where a near miss is better than a far one: the median is the label of the least
    expected distance.
    """

    kind: Literal["ordinal"] = "ordinal"
    target: str = Field(description="Column to predict.")
    order: list[str | int | bool] | None = Field(
        None, min_length=2, description="The classes from the lowest to the highest; default for numbers: by value."
    )
    metric: str | None = Field(None, description="Metric that chooses among candidates and drives tune.")

    classification: ClassVar[bool] = True
    default_metrics: ClassVar[tuple[str, ...]] = ("quadratic_kappa", "rank_mae", "accuracy", "log_loss")
    default_split: ClassVar[Mapping[str, Any]] = {"kind": "stratified", "validation": 0.15, "test": 0.15}
    example: ClassVar[Mapping[str, Any]] = {"target": "grade", "order": ["low", "middle", "high"]}

    @property
    def of_models(self) -> str:
        return "binary"

    def ordered(self, classes: Sequence[Any]) -> tuple[Any, ...]:
        """The classes from the lowest to the highest; `order` may name some that learn does not have."""
        if self.order is None:
            if any(isinstance(label, str) for label in classes):
                raise DataError(
                    f"{self.target}: the classes are words, and words have no order of their own: {list(classes)[:8]}",
                    where="task.order",
                    hint="name them from the lowest to the highest: order: [LOW, MIDDLE, HIGH]",
                )
            return tuple(classes)
        places = {str(label): at for at, label in enumerate(self.order)}
        for label in classes:
            if str(label) not in places:
                near = did_you_mean(str(label), list(places))
                raise DataError(
                    f"{self.target}: the class {label!r} has no place in task.order{near}", where="task.order"
                )
        return tuple(sorted(classes, key=lambda label: places[str(label)]))

    def check_target(self, schema: Schema) -> None:
        hint = f"at most {MOST_CLASSES} classes; is this a number? then use task.kind: regression"
        check_classes(schema, at_least=2, at_most=MOST_CLASSES, otherwise=hint)

    def encode(self, values: Any, schema: Schema) -> Floats:
        return encode_classes(values, schema)

    def compile(self, graph: GraphBuilder, scores: str, schema: Schema) -> None:
        import numpy as np

        from modelwright.graph.builder import NUMBER

        upto = graph.op("MatMul", scores, np.triu(np.ones((len(schema.classes or ()),) * 2)))
        half = graph.cast(graph.op("GreaterOrEqual", upto, np.float64(HALF)), NUMBER)
        publish_classes(graph, graph.op("ArgMax", half, axis=1, keepdims=0), scores, schema)

    def predictions(self, truth: Floats, scores: Floats, features: Floats | None, schema: Schema) -> Predictions:
        from modelwright.parts.predictions import Predictions

        return Predictions(truth, label=medians(scores), probability=scores)


def medians(probabilities: Floats) -> Floats:
    """[N, K] to [N]: the first class up to which half of the probability lies."""
    import numpy as np

    upto = probabilities @ np.triu(np.ones((probabilities.shape[1],) * 2))
    found: Floats = np.argmax(upto >= HALF, axis=1).astype(np.float64)
    return found


PART = Ordinal
