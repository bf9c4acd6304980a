"""How many steps of the order a label is off, on average."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from modelwright.parts.base import Metric

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


class RankMae(Metric):
    """Mean absolute error of ranks: 0 is perfect, 1 is one class too high or too low on average."""

    kind: Literal["rank_mae"] = "rank_mae"

    needs: ClassVar[Literal["label"]] = "label"
    direction: ClassVar[Literal["lower"]] = "lower"
    tasks: ClassVar[frozenset[str]] = frozenset({"ordinal"})

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        import numpy as np

        return (weights @ np.abs(truth - predicted)) / weights.sum(axis=1)


PART = RankMae
