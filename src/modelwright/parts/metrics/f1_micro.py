"""F1 over all labels at once: frequent labels count more."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from modelwright.parts.base import Metric

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


class F1Micro(Metric):
    """Harmonic mean of precision and recall, with the hits and misses of all labels counted together.

    Beside `f1`, which for several labels is the mean over them, so that rare labels count as much as frequent ones.
    """

    kind: Literal["f1_micro"] = "f1_micro"

    needs: ClassVar[Literal["label"]] = "label"
    direction: ClassVar[Literal["higher"]] = "higher"
    tasks: ClassVar[frozenset[str]] = frozenset({"multilabel"})
    whole: ClassVar[bool] = True

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        import numpy as np

        both = weights @ ((truth == 1) & (predicted == 1)).sum(axis=1)
        either = weights @ truth.sum(axis=1) + weights @ predicted.sum(axis=1)
        return np.divide(2 * both, either, out=np.zeros_like(both), where=either > 0)


PART = F1Micro
