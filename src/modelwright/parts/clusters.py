"""What metrics of clusterings share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modelwright.parts.samples import Floats

NOISE = -1  # the number of no cluster
SEED = 0  # which rows are drawn is part of what a metric is


def in_clusters(labels: Floats, most: int) -> NDArray[np.int64]:
    """Places of rows that have a cluster, in order; `most` of them, drawn, where there are more."""
    import numpy as np

    places = np.flatnonzero(labels != NOISE)
    if len(places) <= most:
        return places
    return np.sort(np.random.default_rng(SEED).choice(places, most, replace=False))
