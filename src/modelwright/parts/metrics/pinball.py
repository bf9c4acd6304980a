"""The loss whose least mean is a quantile: what a forecast above or below the truth costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Metric
from modelwright.parts.predictions import mean_of_rows
from modelwright.parts.quantile_levels import chosen_levels

if TYPE_CHECKING:
    from modelwright.parts.base import Task
    from modelwright.parts.samples import Floats


class Pinball(Metric):
    """Mean pinball loss (Koenker and Bassett, 1978) in units of the target, over the quantiles; scikit-learn's
    mean_pinball_loss. Of the median alone it is half the mean absolute error.
    """

    kind: Literal["pinball"] = "pinball"
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] | None = Field(
        None, min_length=1, description="Which of the task's quantiles; default: all."
    )

    needs: ClassVar[Literal["quantile"]] = "quantile"
    direction: ClassVar[Literal["lower"]] = "lower"
    tasks: ClassVar[frozenset[str]] = frozenset({"quantile"})

    def asked_of(self, task: Task) -> Pinball:
        return self.model_copy(update={"quantiles": chosen_levels(self.quantiles, task, self.kind)})

    def of_rows(self, truth: Floats, predicted: Floats) -> Floats:
        import numpy as np

        level = np.array(self.quantiles)
        error = truth[:, None] - predicted
        losses: Floats = np.maximum(level * error, (level - 1) * error).mean(axis=1)
        return losses

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        return mean_of_rows(self.of_rows(truth, predicted), weights)


PART = Pinball
