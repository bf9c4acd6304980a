"""How far probabilities are from what happens: groups of a reliability diagram, and their mean distance (ECE).

Naeini, Cooper and Hauskrecht, Obtaining Well Calibrated Probabilities Using Bayesian Binning (AAAI 2015); Guo et al.,
On Calibration of Modern Neural Networks (ICML 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats

GROUPS = 10  # of equal size, so that each stands on as many rows


@dataclass(frozen=True)
class Reliability:
    """Groups of rows by predicted probability: its mean, the share that came true, how many rows."""

    predicted: tuple[float, ...]
    observed: tuple[float, ...]
    rows: tuple[int, ...]
    ece: float  # mean of |predicted - observed|, by the groups' weights

    def to_dict(self) -> dict[str, Any]:
        groups = zip(self.predicted, self.observed, self.rows, strict=True)
        keys = ("predicted", "observed", "rows")
        return {"ece": self.ece, "groups": [dict(zip(keys, group, strict=True)) for group in groups]}


def reliability(probability: Floats, truth: Floats, weights: Floats | None = None) -> Reliability:
    """Of probabilities [N, K] and codes [N]: of two classes the second, of more the most probable one."""
    import numpy as np

    if probability.shape[1] == 2:
        said, happened = probability[:, 1], truth == 1
    else:
        said, happened = probability.max(axis=1), probability.argmax(axis=1) == truth
    weights = np.ones(len(truth)) if weights is None else weights
    order = np.argsort(said, kind="stable")
    groups = [rows for rows in np.array_split(order, GROUPS) if weights[rows].sum() > 0]
    predicted = [float(np.average(said[rows], weights=weights[rows])) for rows in groups]
    observed = [float(np.average(happened[rows], weights=weights[rows])) for rows in groups]
    sizes = np.array([weights[rows].sum() for rows in groups])
    ece = float(sizes @ np.abs(np.subtract(predicted, observed)) / sizes.sum()) if len(groups) else float("nan")
    return Reliability(tuple(predicted), tuple(observed), tuple(len(rows) for rows in groups), ece)
