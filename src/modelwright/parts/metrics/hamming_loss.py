"""Hamming loss: how many labels are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from modelwright.parts.base import Metric

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


class HammingLoss(Metric):
    """Share of all labels of all rows that are predicted wrong; 0 is perfect."""

    kind: Literal["hamming_loss"] = "hamming_loss"

    needs: ClassVar[Literal["label"]] = "label"
    direction: ClassVar[Literal["lower"]] = "lower"
    tasks: ClassVar[frozenset[str]] = frozenset({"multilabel"})
    whole: ClassVar[bool] = True

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        wrong = (truth != predicted).mean(axis=1)
        found: Floats = (weights @ wrong) / weights.sum(axis=1)
        return found


PART = HammingLoss
