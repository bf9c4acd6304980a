"""What naive Bayes keeps of its rows, and how an earlier fit's rows are counted again.

It only ever sums rows by class. So all rows of a class are as good as one row, their mean, with the weight of all: a
fit on new rows and on those is the fit on new and old rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from modelwright.parts.estimators.kept_numbers import kept_numbers

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats, Samples, Start


def class_means(samples: Samples) -> dict[str, Floats]:
    """Of the classes that have any weight: their codes [k], weights [k] and weighted means [k, F]."""
    import numpy as np

    weights = np.ones(len(samples.target)) if samples.weights is None else samples.weights
    codes, places = np.unique(samples.target, return_inverse=True)
    totals = np.bincount(places, weights).astype(np.float64)
    rows = np.stack([weights[places == at] @ samples.features[places == at] for at in range(len(codes))])
    known = totals > 0
    return {"codes": codes[known], "weights": totals[known], "means": rows[known] / totals[known, None]}


def with_earlier(samples: Samples, start: Start | None) -> Samples:
    """The rows, and those of the fit that is continued, one for each class."""
    import numpy as np

    if start is None:
        return samples
    earlier = kept_numbers(start)
    weights = np.ones(len(samples.target)) if samples.weights is None else samples.weights
    return replace(
        samples,
        features=np.concatenate([samples.features, earlier["means"]]),
        target=np.concatenate([samples.target, earlier["codes"]]),
        weights=np.concatenate([weights, earlier["weights"]]),
    )
