"""Random Fourier features whose frequencies follow the data: a kernel machine that keeps no rows.

The inner product of two rows' cosines and sines is about their Gaussian kernel (Rahimi and Recht, Random Features for
Large-Scale Kernel Machines, NeurIPS 2007), with less variance where frequencies are orthogonal (Yu et al., NeurIPS
2016). How far each column reaches is learnt as in recursive feature machines (Radhakrishnan, Beaglehole, Pandit and
Belkin, Science 383, 2024): by the mean squared slope of a first fit along it, again and again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelwright.parts.estimators.narrow_design import total_and_shown

if TYPE_CHECKING:
    import numpy as np

    from modelwright.parts.samples import Floats

SEARCH_WAVES = 192  # frequencies of a fit that is only looked at
SLOPE_ROWS = 1000  # along whose columns slopes are measured
REACHES = (1.0, 0.4, 2.5)  # of the kernel, in mean squared distances between rows; the first to learn slopes
SUREST = 0.01  # of a class; a ridge may say that it is less likely than that, or less than impossible
TOLERANCE = 1e-3  # of the largest part of the gradient, times the root of the rows
PENALTIES = tuple(10.0 ** (half / 2) for half in range(-8, 9))


@dataclass(frozen=True)
class Ridge:
    """A ridge regression on centred waves: `penalty` is the one of least generalized cross-validation (Golub, Heath and
    Wahba, 1979), which is `score`; `axes` and `sizes` are the eigenvectors and eigenvalues of their products."""

    coefficients: Floats  # [2m, K]
    intercepts: Floats  # [K]
    penalty: float
    score: float
    axes: Floats
    sizes: Floats


def waves(rows: Floats, frequencies: Floats) -> Floats:
    """[N, 2m]: cosines and sines of [N, P] along frequencies [P, m]."""
    import numpy as np

    angles = rows @ frequencies
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1)


def drawn(factors: Floats, count: int, random: np.random.Generator) -> Floats:
    """Frequencies [P, count] of the Gaussian kernel of rows whose columns are multiplied by `factors` [P]."""
    import numpy as np

    width = len(factors)
    blocks = []
    for _ in range(-(-count // width)):
        turned, _ = np.linalg.qr(random.normal(size=(width, width)))
        blocks.append(turned * np.sqrt(random.chisquare(width, width)))
    found: Floats = np.concatenate(blocks, axis=1)[:, :count] * factors[:, None]
    return found


def ridge(shown: Floats, target: Floats, weights: Floats) -> Ridge:
    """Of target [N, K] on waves [N, 2m]; weights [N] have mean 1."""
    import numpy as np
    from scipy.linalg import eigh

    rows = len(shown)
    middle, mean = weights @ shown / rows, weights @ target / rows
    rest = target - mean
    weighed = shown * weights[:, None]
    sizes, axes = eigh(weighed.T @ shown - rows * np.outer(middle, middle))
    sizes = np.maximum(sizes, 0)
    along = axes.T @ (weighed.T @ rest - rows * np.outer(middle, weights @ rest / rows))
    whole = float(weights @ (rest**2).sum(axis=1))
    power = (along**2).sum(axis=1)
    scores = []
    for penalty in PENALTIES:
        shrunk = 1 / (sizes + penalty)
        error = whole - 2 * power @ shrunk + power @ (sizes * shrunk**2)
        free = 1 - (1 + sizes @ shrunk) / rows
        scores.append(error / rows / max(free, 1 / rows) ** 2)
    best = int(np.argmin(scores))
    coefficients = axes @ (along / (sizes + PENALTIES[best])[:, None])
    return Ridge(coefficients, mean - middle @ coefficients, PENALTIES[best], scores[best], axes, sizes)


def learnt_factors(rows: Floats, target: Floats, weights: Floats, rounds: int, random: np.random.Generator) -> Floats:
    """[P] by which columns are multiplied, so that a Gaussian kernel of reach 1 fits best."""
    import numpy as np

    shape = np.ones(rows.shape[1])
    tried: list[tuple[float, Floats]] = []

    def fit(shape: Floats, reach: float) -> tuple[Ridge, Floats]:
        factors = shape * _scale(rows, shape, reach)
        frequencies = drawn(factors, SEARCH_WAVES, random)
        found = ridge(waves(rows, frequencies), target, weights)
        tried.append((found.score, factors))
        return found, frequencies

    for _ in range(rounds + 1):
        found, frequencies = fit(shape, REACHES[0])
        shape = np.sqrt(_squared_slopes(found, frequencies, rows[:: -(-len(rows) // SLOPE_ROWS)]))
    best = min(tried, key=lambda one: one[0])[1]
    for reach in REACHES[1:]:
        fit(best, reach)
    return min(tried, key=lambda one: one[0])[1]


def _scale(rows: Floats, shape: Floats, reach: float) -> float:
    """So that the mean squared distance of two rows is 2 / reach."""
    import numpy as np

    distance = 2 * float((rows.var(axis=0) * shape**2).sum())
    return float(np.sqrt(2 / (reach * distance))) if distance else 1.0


def _squared_slopes(found: Ridge, frequencies: Floats, rows: Floats) -> Floats:
    """[P], the mean over rows, added up over outputs."""
    import numpy as np

    angles = rows @ frequencies
    cosine, sine, count = np.cos(angles), np.sin(angles), frequencies.shape[1]
    total = np.zeros(rows.shape[1])
    for output in found.coefficients.T:
        slopes = (cosine * output[count:] - sine * output[:count]) @ frequencies.T
        total += (slopes**2).mean(axis=0)
    return total


def logistic(start: Ridge, shown: Floats, truth: Floats, weights: Floats, max_iter: int) -> tuple[Floats, Floats]:
    """Coefficients [2m, K] and intercepts [K] of logistic regression on waves, of truth [N, K], 0 or 1 (of two
    classes the second alone).

    Its penalty is the ridge's, times how much less a probability moves than its score: so both are about as free. It is
    solved along the axes of the ridge, each by its size, where a few dozen steps suffice.
    """
    import numpy as np
    from scipy import optimize

    said = np.clip(shown @ start.coefficients + start.intercepts, SUREST, 1 - SUREST)
    curvature = float((said * (1 - said)).mean())
    penalty = start.penalty * curvature
    steps = 1 / np.sqrt(start.sizes * curvature + penalty)
    outputs, rows = truth.shape[1], len(shown)

    def coefficients_of(flat: Floats) -> tuple[Floats, Floats]:
        along = flat.reshape(-1, outputs)
        return start.axes @ (along[:-1] * steps[:, None]), along[-1] / np.sqrt(rows * curvature)

    def loss(flat: Floats) -> tuple[float, Floats]:
        coefficients, intercepts = coefficients_of(flat)
        scores = shown @ coefficients + intercepts
        total, probabilities = total_and_shown(scores)
        rest = (probabilities - truth) * weights[:, None]
        gradient = (start.axes.T @ (shown.T @ rest + penalty * coefficients)) * steps[:, None]
        last = rest.sum(axis=0) / np.sqrt(rows * curvature)
        value = weights @ (total - (truth * scores).sum(axis=1)) + penalty / 2 * float((coefficients**2).sum())
        return float(value), np.concatenate([gradient, last[None]]).ravel()

    ends = {"maxiter": max_iter, "gtol": TOLERANCE * np.sqrt(rows), "ftol": 1e-7}
    found = optimize.minimize(loss, np.zeros((len(steps) + 1) * outputs), method="L-BFGS-B", jac=True, options=ends)
    return coefficients_of(found.x)
