"""Harmonic mean of precision and recall. Choose it when positives are rare and true negatives do not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from modelwright.core.errors import SpecError
from modelwright.parts.base import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modelwright.parts.samples import Floats


class F1(Metric):
    """F1 of the positive class, or the mean over the classes that occur in truth or prediction."""

    kind: Literal["f1"] = "f1"
    average: Literal["positive", "macro"] | None = Field(
        None, description="positive: of the positive class; macro: mean over classes; default: what the task has."
    )

    needs: ClassVar[Literal["label"]] = "label"
    direction: ClassVar[Literal["higher"]] = "higher"
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "multilabel", "anomaly"})

    def made_for(self, task: str) -> F1:
        if self.average == "positive" and task == "multiclass":
            raise SpecError("f1: of several classes none is the positive one", hint="average: macro")
        if self.average is not None:
            return self
        return self.model_copy(update={"average": "macro" if task == "multiclass" else "positive"})

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        import numpy as np

        if self.average != "macro":
            return np.nan_to_num(_f1(truth == 1, predicted == 1, weights))
        found = np.union1d(truth, predicted)
        return np.nanmean([_f1(truth == code, predicted == code, weights) for code in found], axis=0)


def _f1(truth: NDArray[np.bool_], predicted: NDArray[np.bool_], weights: Floats) -> Floats:
    """NaN where nobody has or predicts the class."""
    import numpy as np

    both, either = weights @ (truth & predicted), weights @ truth + weights @ predicted
    return np.divide(2 * both, either, out=np.full_like(both, np.nan), where=either > 0)


PART = F1
