"""Probabilities from the scores of models that have none: Platt scaling on scores of rows that were held out.

Platt, "Probabilistic outputs for support vector machines", 1999; the fit is that of Lin, Lin and Weng, "A note on
Platt's probabilistic outputs for support vector machines", 2007. With more than two classes each has a sigmoid of its
own score against all others, and they are divided by their sum (Zadrozny and Elkan, 2002).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelwright.parts.estimators.known_classes import codes_of
from modelwright.parts.samples import Samples

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats

FURTHEST = 30.0  # exponents beyond it are taken for it: probabilities stay 1e-13 away from 0 and 1
STEPS, FINEST, RIDGE = 100, 1e-10, 1e-12  # of Newton's method, as the paper has them
NEVER_HELD = -1


@dataclass(frozen=True)
class Sigmoids:
    """Probability 1 / (1 + exp(-(slope score + offset))): one for the second of two classes, or one for each class."""

    slopes: Floats  # [k]
    offsets: Floats

    def probabilities(self, scores: Floats) -> Floats:
        """[N, k] to [N, 2] where k is 1, else to [N, k]."""
        import numpy as np

        exponents = np.clip(scores * self.slopes + self.offsets, -FURTHEST, FURTHEST)
        found: Floats = 1 / (1 + np.exp(-exponents))
        if found.shape[1] == 1:
            return np.concatenate([1 - found, found], axis=1)
        shares: Floats = found / found.sum(axis=1, keepdims=True)
        return shares

    def compile(self, graph: GraphBuilder, scores: str) -> str:
        import numpy as np

        from modelwright.graph import steady

        count = len(self.slopes)
        exponents = graph.op("Add", graph.op("Mul", scores, self.slopes), self.offsets)
        bounded = graph.op("Clip", exponents, np.float64(-FURTHEST), np.float64(FURTHEST))
        powers = steady.exp_matrix(graph, graph.op("Neg", bounded), count)
        found = graph.op("Div", np.float64(1), graph.op("Add", powers, np.float64(1)))
        if count == 1:
            return graph.op("Concat", graph.op("Sub", np.float64(1), found), found, axis=1)
        return graph.op("Div", found, graph.op("MatMul", found, np.ones((count, 1))))


def plain_sigmoids(count: int) -> Sigmoids:
    """For scores that are log odds as they are."""
    import numpy as np

    return Sigmoids(np.ones(count), np.zeros(count))


def held_out_sigmoids(
    scores_of: Callable[[Samples, Floats], Floats], learn: Samples, folds: int, seed: int
) -> Sigmoids:
    """`scores_of(samples, features)` fits on samples and scores features [n, k]: k is 1 where learn has two classes."""
    import numpy as np

    part = class_folds(learn.target, folds, seed)
    held = part != NEVER_HELD
    if held.any():
        found = _out_of_fold(scores_of, learn, part)
    else:  # one row of each class: nothing better than its own score can be had
        held[:] = True
        found = scores_of(learn, learn.features)
    weights = np.ones(int(held.sum())) if learn.weights is None else learn.weights[held]
    codes = codes_of(learn.target)[-found.shape[1] :]
    fitted = [
        fitted_sigmoid(found[:, at], learn.target[held] == code, weights) for at, code in enumerate(codes.tolist())
    ]
    return Sigmoids(np.array([slope for slope, _ in fitted]), np.array([offset for _, offset in fitted]))


def class_folds(target: Floats, folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each row, every class spread evenly. A class of one row is never held out, so all learn all."""
    import numpy as np

    random = np.random.default_rng(seed)
    found = np.full(len(target), NEVER_HELD)
    start = 0
    for code in np.unique(target):
        rows = np.flatnonzero(target == code)
        if len(rows) > 1:
            found[random.permutation(rows)] = (start + np.arange(len(rows))) % folds
            start += len(rows)
    return found


def _out_of_fold(scores_of: Callable[[Samples, Floats], Floats], learn: Samples, part: NDArray[np.int64]) -> Floats:
    """[m, k], of the rows that some fold holds out, in their order."""
    import numpy as np

    places, scores = [], []
    for fold in np.unique(part[part != NEVER_HELD]).tolist():
        rows = part != fold
        weights = None if learn.weights is None else learn.weights[rows]
        samples = Samples(learn.features[rows], learn.target[rows], weights)
        scores.append(scores_of(samples, learn.features[~rows]))
        places.append(np.flatnonzero(~rows))
    found: Floats = np.concatenate(scores)[np.argsort(np.concatenate(places))]
    return found


def fitted_sigmoid(scores: Floats, positive: NDArray[np.bool_], weights: Floats) -> tuple[float, float]:
    """Slope and offset of the sigmoid that makes `positive` most likely; truth is drawn a little towards the prior."""
    import numpy as np

    weights = weights / (weights.mean() or 1.0)
    spread = float(np.abs(scores).max()) or 1.0
    scaled = scores / spread
    above, below = float(weights[positive].sum()), float(weights[~positive].sum())
    truth = np.where(positive, (above + 1) / (above + 2), 1 / (below + 2))

    def loss(slope: float, offset: float) -> float:
        exponents = slope * scaled + offset
        return float((weights * (np.logaddexp(0, exponents) - truth * exponents)).sum())

    slope, offset = 0.0, float(np.log((above + 1) / (below + 1)))
    value = loss(slope, offset)
    for _ in range(STEPS):
        probabilities = 1 / (1 + np.exp(-np.clip(slope * scaled + offset, -500, 500)))
        error = weights * (probabilities - truth)
        curvature = weights * probabilities * (1 - probabilities)
        gradient = np.array([(error * scaled).sum(), error.sum()])
        if np.abs(gradient).max() < FINEST * len(scaled):
            break
        mixed = (curvature * scaled).sum()
        hessian = np.array([[(curvature * scaled**2).sum() + RIDGE, mixed], [mixed, curvature.sum() + RIDGE]])
        direction = -np.linalg.solve(hessian, gradient)
        length, promised = 1.0, float(gradient @ direction)
        while length >= FINEST:
            tried = loss(slope + length * direction[0], offset + length * direction[1])
            if tried < value + 1e-4 * length * promised:
                break
            length /= 2
        else:
            break  # no step makes it better: rounding has the last word
        slope, offset, value = slope + length * direction[0], offset + length * direction[1], tried
    return float(slope) / spread, float(offset)
