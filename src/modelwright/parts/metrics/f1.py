"""Harmonic mean of precision and recall. Choose it when positives are rare and true negatives do not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from modelwright.parts.base import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modelwright.parts.base import Floats


class F1(Metric):
    """F1 of the positive class; several classes: macro mean over those that occur in truth or prediction."""

    kind: Literal["f1"] = "f1"

    needs: ClassVar[Literal["label"]] = "label"
    direction: ClassVar[Literal["higher"]] = "higher"
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        import numpy as np

        classes = int(max(truth.max(initial=0), predicted.max(initial=0))) + 1
        if classes <= 2:
            return np.nan_to_num(_f1(truth == 1, predicted == 1, weights))
        return np.nanmean([_f1(truth == code, predicted == code, weights) for code in range(classes)], axis=0)


def _f1(truth: NDArray[np.bool_], predicted: NDArray[np.bool_], weights: Floats) -> Floats:
    """NaN where nobody has or predicts the class."""
    import numpy as np

    both, either = weights @ (truth & predicted), weights @ truth + weights @ predicted
    return np.divide(2 * both, either, out=np.full_like(both, np.nan), where=either > 0)


PART = F1
