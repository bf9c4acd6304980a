"""A bounded number of rows of learn, for models that keep them or whose time grows with their square."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelwright.parts.samples import Samples

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_CELLS = 2_500_000  # of stored rows: 20 MB in the graph


def bounded_rows(learn: Samples, most: int, n_classes: int, seed: int) -> tuple[Samples, dict[str, Any]]:
    """All rows, or about `most` of them in their order, each class with its share and two rows at least; and notes."""
    import numpy as np

    most = max(min(most, MOST_CELLS // max(learn.features.shape[1], 1)), 2)
    count = len(learn.target)
    if count <= most:
        return learn, {"stored_rows": count}
    random = np.random.default_rng(seed)
    if n_classes:
        chosen = np.concatenate([_share(random, rows, most / count) for rows in _by_class(learn)])
    else:
        chosen = random.choice(count, most, replace=False, shuffle=False)
    chosen = np.sort(chosen)
    weights = None if learn.weights is None else learn.weights[chosen]
    notes = {"stored_rows": len(chosen), "rows_left_out": count - len(chosen)}
    return Samples(learn.features[chosen], learn.target[chosen], weights), notes


def _by_class(learn: Samples) -> list[NDArray[np.int64]]:
    import numpy as np

    return [np.flatnonzero(learn.target == code) for code in np.unique(learn.target)]


def _share(random: np.random.Generator, rows: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    wanted = min(max(int(len(rows) * share), 2), len(rows))
    return random.choice(rows, wanted, replace=False, shuffle=False)
