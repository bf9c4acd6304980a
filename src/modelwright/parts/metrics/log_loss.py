"""Mean negative log of the probability given to the true class: rewards honest probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from modelwright.parts.base import Metric

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats

SMALLEST = 1e-15  # a probability of 0 for what happened would cost infinitely much


class LogLoss(Metric):
    """Cross-entropy in nats per row; 0 is perfect."""

    kind: Literal["log_loss"] = "log_loss"

    needs: ClassVar[Literal["probability"]] = "probability"
    direction: ClassVar[Literal["lower"]] = "lower"
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "multilabel", "ordinal"})

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        import numpy as np

        given = predicted[np.arange(len(truth)), truth.astype(np.int64)]
        return (weights @ -np.log(np.clip(given, SMALLEST, 1.0))) / weights.sum(axis=1)


PART = LogLoss
