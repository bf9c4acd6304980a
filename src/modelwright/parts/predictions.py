"""What a model predicted beside what is true, in the form that metrics and the bootstrap want it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelwright.core.errors import SpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from modelwright.parts.base import Metric
    from modelwright.parts.samples import Floats


@dataclass(frozen=True)
class Predictions:
    """Truth [N] beside labels [N] (codes), probabilities [N, K] or values [N]; binary: the positive class is 1."""

    truth: Floats
    label: Floats | None
    probability: Floats | None
    value: Floats | None
    weights: Floats | None = None
    groups: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.truth)

    def needed_by(self, metric: Metric) -> Floats:
        found = {"label": self.label, "probability": self.probability, "value": self.value}[metric.needs]
        if found is None:
            raise SpecError(f"metric {metric.kind} needs a {metric.needs}, which this task does not predict")
        return found

    def take(self, rows: NDArray[Any]) -> Predictions:
        """Those of some rows: a mask or indices."""
        parts = (self.truth, self.label, self.probability, self.value, self.weights, self.groups)
        return Predictions(*(None if part is None else part[rows] for part in parts))  # type: ignore[arg-type]  # truth is never None
