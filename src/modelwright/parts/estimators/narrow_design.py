"""Logistic regression on piecewise-linear encoding without its wide matrix: a row lies in one bin of each number only.

What all bins of a number add to a score is a line from knot to knot. So a row needs two entries for each number, the
knots beside it, however many bins there are; heights at the knots follow from coefficients by a small matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelwright.parts.samples import Samples

if TYPE_CHECKING:
    import numpy as np

    from modelwright.graph.piecewise import Encoding
    from modelwright.parts.samples import Floats

MOST_SEARCHES = 50  # of a step's length, within one iteration


@dataclass(frozen=True)
class Design:
    """The encoded matrix [N, P] of some rows, as a product."""

    sparse: Any  # [N, knots + flags + codes]
    bent: Floats  # [N, n]
    heights: Any  # [knots, bins]
    bins: int

    def times(self, coefficients: Floats) -> Floats:
        """[N, K] for [P, K]."""
        import numpy as np

        after = self.bins + self.bent.shape[1]
        entries = np.concatenate([self.heights @ coefficients[: self.bins], coefficients[after:]])
        found: Floats = self.sparse @ entries + self.bent @ coefficients[self.bins : after]
        return found

    def transposed_times(self, rows: Floats) -> Floats:
        """[P, K] for [N, K]."""
        import numpy as np

        entries = self.sparse.T @ rows
        knots = self.heights.shape[0]
        return np.concatenate([self.heights.T @ entries[:knots], self.bent.T @ rows, entries[knots:]])


def design(encoding: Encoding, features: Floats) -> Design:
    """Of raw features [N, F]."""
    import numpy as np
    from scipy import sparse

    filled = encoding.filled(features)
    places: list[Any] = []  # [N] each: the column of one entry of every row, and its value
    values: list[Floats] = []
    heights = []
    knots = 0
    for number in np.unique(encoding.binned):
        mine = encoding.binned == number
        lower, width = encoding.lower[mine], encoding.width[mine]
        at = np.clip(np.searchsorted(lower, filled[:, number], side="right") - 1, 0, len(lower) - 1)
        share = np.clip((filled[:, number] - lower[at]) / width[at], 0.0, 1.0)
        places += [knots + at, knots + at + 1]
        values += [1 - share, share]
        before = np.arange(len(lower)) < np.arange(len(lower) + 1)[:, None]  # bins that are behind a knot are at 1
        heights.append(np.where(before, 1.0, -1.0))
        knots += len(lower) + 1
    for column, feature in enumerate(encoding.flagged):
        places.append(np.full(len(features), knots + column))
        values.append(np.isnan(features[:, feature]).astype(np.float64))
    first = knots + len(encoding.flagged)
    for feature in np.unique(encoding.coded):
        mine = np.flatnonzero(encoding.coded == feature)
        at = np.clip(np.searchsorted(encoding.codes[mine], features[:, feature]), 0, len(mine) - 1)
        places.append(first + mine[at])
        values.append((encoding.codes[mine][at] == features[:, feature]).astype(np.float64))
    return Design(
        _matrix(places, values, (len(features), first + len(encoding.coded))),
        encoding.bent(filled),
        sparse.block_diag(heights, "csr") if heights else np.zeros((0, 0)),
        len(encoding.binned),
    )


def _matrix(places: list[Any], values: list[Floats], shape: tuple[int, int]) -> Any:
    """Sparse, with as many entries in each row."""
    import numpy as np
    from scipy import sparse

    if not places:
        return sparse.csr_matrix(shape)
    starts = np.arange(shape[0] + 1) * len(places)
    return sparse.csr_matrix((np.stack(values, axis=1).ravel(), np.stack(places, axis=1).ravel(), starts), shape)


@dataclass(frozen=True)
class FittedLogistic:
    """As scikit-learn's LogisticRegression has it: for two classes one row, for more one each."""

    coef_: Floats
    intercept_: Floats
    classes_: np.ndarray[Any, Any]
    iterations: int


def logistic(narrow: Design, learn: Samples, l2: float, max_iter: int, tolerance: float) -> FittedLogistic:
    """The same loss, penalty, solver and end as scikit-learn's LogisticRegression with C = 1 / l2."""
    import numpy as np
    from scipy import optimize

    classes, codes = np.unique(learn.target, return_inverse=True)
    weights = np.ones(len(codes)) if learn.weights is None else learn.weights
    weights, penalty = weights / weights.sum(), l2 / weights.sum()
    outputs = 1 if len(classes) == 2 else len(classes)
    truth = codes[:, None].astype(np.float64) if outputs == 1 else (codes[:, None] == np.arange(outputs)).astype(float)
    width = narrow.bins + narrow.bent.shape[1] + narrow.sparse.shape[1] - narrow.heights.shape[0]

    def loss(flat: Floats) -> tuple[float, Floats]:
        coefficients = flat.reshape(width + 1, outputs)
        scores = narrow.times(coefficients[:-1]) + coefficients[-1]
        total, shown = total_and_shown(scores)
        rest = (shown - truth) * weights[:, None]
        gradient = np.concatenate([narrow.transposed_times(rest) + penalty * coefficients[:-1], rest.sum(0)[None]])
        value = weights @ (total - (truth * scores).sum(axis=1)) + penalty / 2 * (coefficients[:-1] ** 2).sum()
        return float(value), gradient.ravel()

    ends = {"maxiter": max_iter, "maxls": MOST_SEARCHES, "gtol": tolerance, "ftol": 64 * np.finfo(float).eps}
    found = optimize.minimize(loss, np.zeros((width + 1) * outputs), method="L-BFGS-B", jac=True, options=ends)
    coefficients = found.x.reshape(width + 1, outputs)
    return FittedLogistic(coefficients[:-1].T.copy(), coefficients[-1].copy(), classes, int(found.nit))


def total_and_shown(scores: Floats) -> tuple[Floats, Floats]:
    """Logarithms of the sum of all classes' powers [N], and probabilities [N, K]; one score is the second class's."""
    import numpy as np

    if scores.shape[1] == 1:
        powers = np.exp(-np.abs(scores))
        shown = np.where(scores > 0, 1.0, powers) / (1 + powers)
        return np.maximum(scores[:, 0], 0) + np.log1p(powers[:, 0]), shown
    largest = scores.max(axis=1, keepdims=True)
    powers = np.exp(scores - largest)
    total = powers.sum(axis=1, keepdims=True)
    return (largest + np.log(total))[:, 0], powers / total
