"""Precision: how many of those that are called positive are."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from modelwright.parts.base import Metric

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


class Precision(Metric):
    """Share of the predicted positives that are true ones; undefined where nothing is predicted positive."""

    kind: Literal["precision"] = "precision"

    needs: ClassVar[Literal["label"]] = "label"
    direction: ClassVar[Literal["higher"]] = "higher"
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "anomaly", "multilabel"})

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        import numpy as np

        said, right = weights @ (predicted == 1), weights @ ((predicted == 1) & (truth == 1))
        return np.divide(right, said, out=np.full_like(right, np.nan), where=said > 0)


PART = Precision
