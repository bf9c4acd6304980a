"""Root mean squared error, in the unit of the target: large errors weigh more."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from modelwright.parts.base import Metric

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


class Rmse(Metric):
    """Root mean squared error."""

    kind: Literal["rmse"] = "rmse"

    needs: ClassVar[Literal["value"]] = "value"
    direction: ClassVar[Literal["lower"]] = "lower"
    tasks: ClassVar[frozenset[str]] = frozenset({"regression", "multi_regression"})

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        import numpy as np

        return np.sqrt((weights @ (truth - predicted) ** 2) / weights.sum(axis=1))


PART = Rmse
