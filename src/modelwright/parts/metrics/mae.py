"""Mean absolute error, in the unit of the target: every unit of error weighs the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from modelwright.parts.base import Metric

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


class Mae(Metric):
    """Mean absolute error."""

    kind: Literal["mae"] = "mae"

    needs: ClassVar[Literal["value"]] = "value"
    direction: ClassVar[Literal["lower"]] = "lower"
    tasks: ClassVar[frozenset[str]] = frozenset({"regression", "multi_regression"})

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        return (weights @ abs(truth - predicted)) / weights.sum(axis=1)


PART = Mae
