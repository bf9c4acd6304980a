"""What a model predicted beside what is true, in the form that metrics and the bootstrap want it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from modelwright.core.errors import SpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from modelwright.parts.base import Metric
    from modelwright.parts.samples import Floats


WHOLE = ("targets", "levels")  # of all rows alike


@dataclass(frozen=True)
class Predictions:
    """Truth [N] beside labels [N] (codes), probabilities [N, K] or values [N]; binary: the positive class is 1.

    Of several `targets` all are [N, T], probabilities those of 1. Where nothing is predicted, truth is the features
    [N, F] as the model saw them, or [N, 0] of rows whose truth nobody knows.
    """

    truth: Floats
    label: Floats | None = None
    probability: Floats | None = None
    value: Floats | None = None
    weights: Floats | None = None
    groups: NDArray[Any] | None = None
    targets: tuple[str, ...] = ()  # where there are several
    quantile: Floats | None = None  # [N, Q], one for each of `levels`
    levels: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.truth)

    def needed_by(self, metric: Metric) -> Floats:
        if metric.needs == "quantile" and self.quantile is not None:
            return self.quantile[:, [self.levels.index(level) for level in getattr(metric, "quantiles", self.levels)]]
        if metric.needs == "ranking":  # anything that is higher where the positive class is likelier
            found = self.value if self.probability is None else self.probability[:, 1]
        else:
            found = {"label": self.label, "probability": self.probability, "value": self.value}.get(metric.needs)
        if found is None:
            raise SpecError(f"metric {metric.kind} needs a {metric.needs}, which this task does not predict")
        return found

    def take(self, rows: NDArray[Any]) -> Predictions:
        """Those of some rows: a mask or indices."""
        parts = {name.name: getattr(self, name.name) for name in fields(self) if name.name not in WHOLE}
        return replace(self, **{name: part[rows] for name, part in parts.items() if part is not None})

    def of_target(self, at: int) -> Predictions:
        """One of several targets, as if it were the only one."""
        import numpy as np

        one = None if self.probability is None else self.probability[:, at]
        return Predictions(
            self.truth[:, at],
            None if self.label is None else self.label[:, at],
            None if one is None else np.stack([1 - one, one], axis=1),
            None if self.value is None else self.value[:, at],
            self.weights,
            self.groups,
        )


def mean_of_rows(values: Floats, weights: Floats) -> Floats:
    """[B] means for `weights` [B, N] of values [N], without those that are NaN."""
    import numpy as np

    known = np.flatnonzero(~np.isnan(values))
    counted = weights[:, known]
    total = counted.sum(axis=1)
    found: Floats = np.divide(counted @ values[known], total, out=np.full_like(total, np.nan), where=total > 0)
    return found
