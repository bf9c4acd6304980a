"""Recall: how many of the positives are found."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from modelwright.parts.base import Metric

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


class Recall(Metric):
    """Share of the true positives that are predicted so; undefined where there are none."""

    kind: Literal["recall"] = "recall"

    needs: ClassVar[Literal["label"]] = "label"
    direction: ClassVar[Literal["higher"]] = "higher"
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "anomaly", "multilabel"})

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        import numpy as np

        there, found = weights @ (truth == 1), weights @ ((predicted == 1) & (truth == 1))
        return np.divide(found, there, out=np.full_like(found, np.nan), where=there > 0)


PART = Recall
