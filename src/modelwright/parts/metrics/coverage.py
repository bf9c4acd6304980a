"""How many rows lie where the quantiles said they would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Metric
from modelwright.parts.quantile_levels import chosen_levels

if TYPE_CHECKING:
    from modelwright.parts.base import Task
    from modelwright.parts.samples import Floats


class Coverage(Metric):
    """Share of rows above the lowest and not above the highest quantile; of one quantile, not above it. It should be
    what lies between the two levels: 0.8 of 0.1 and 0.9. More is safer, but wide intervals are worth little: `pinball`
    weighs both.
    """

    kind: Literal["coverage"] = "coverage"
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] | None = Field(
        None, min_length=1, description="Which of the task's quantiles; default: all."
    )

    needs: ClassVar[Literal["quantile"]] = "quantile"
    direction: ClassVar[Literal["higher"]] = "higher"
    tasks: ClassVar[frozenset[str]] = frozenset({"quantile"})

    def asked_of(self, task: Task) -> Coverage:
        return self.model_copy(update={"quantiles": chosen_levels(self.quantiles, task, self.kind)})

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        inside = truth <= predicted[:, -1]
        if predicted.shape[1] > 1:
            inside &= truth > predicted[:, 0]
        found: Floats = (weights @ inside) / weights.sum(axis=1)
        return found


PART = Coverage
