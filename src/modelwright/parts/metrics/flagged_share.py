"""How many rows are called anomalies."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from modelwright.parts.base import Metric

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


class FlaggedShare(Metric):
    """Share of the rows that are above the threshold: on rows like those of learn, about `contamination`.

    Far more means that the rows differ from learn, or that the model knows learn by heart.
    """

    kind: Literal["flagged_share"] = "flagged_share"

    needs: ClassVar[Literal["label"]] = "label"
    direction: ClassVar[Literal["lower"]] = "lower"
    tasks: ClassVar[frozenset[str]] = frozenset({"anomaly"})

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        found: Floats = (weights @ predicted) / weights.sum(axis=1)
        return found


PART = FlaggedShare
