"""Whether as many rows stay below a quantile as it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Metric
from modelwright.parts.quantile_levels import chosen_levels

if TYPE_CHECKING:
    from modelwright.parts.base import Task
    from modelwright.parts.samples import Floats


class CoverageError(Metric):
    """Mean distance, over the quantiles, between the share of rows at or below a quantile and the share that it
    promises: 0 is perfect. It says nothing of how narrow intervals are; `pinball` weighs both.
    """

    kind: Literal["coverage_error"] = "coverage_error"
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] | None = Field(
        None, min_length=1, description="Which of the task's quantiles; default: all."
    )

    needs: ClassVar[Literal["quantile"]] = "quantile"
    direction: ClassVar[Literal["lower"]] = "lower"
    tasks: ClassVar[frozenset[str]] = frozenset({"quantile"})

    def asked_of(self, task: Task) -> CoverageError:
        return self.model_copy(update={"quantiles": chosen_levels(self.quantiles, task, self.kind)})

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        import numpy as np

        below = (truth[:, None] <= predicted).astype(np.float64)
        shares = (weights @ below) / weights.sum(axis=1, keepdims=True)
        found: Floats = np.abs(shares - np.array(self.quantiles)).mean(axis=1)
        return found


PART = CoverageError
