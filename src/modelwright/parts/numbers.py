"""What steps on numbers share: one column at a time, its mean and scale, and a drawn sample of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelwright.core.columns import NUMERIC
from modelwright.core.errors import DataError, SpecError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modelwright.parts.samples import FitColumns, Floats

EPSILON = 2.0**-52
NEGLIGIBLE = 10 * EPSILON  # a scale below this is taken for 0, as scikit-learn's scalers do


def numbers(columns: FitColumns, name: str) -> Floats:
    """A column of numbers, NaN for missing. SpecError when it is no number."""
    if columns.type(name) not in NUMERIC:
        raise SpecError(f'"{name}" is a {columns.type(name)}; this step works on numbers')
    values: Floats = columns.values(name)
    return values


def known(columns: FitColumns, name: str) -> Floats:
    """The values of a column of numbers that are not missing."""
    import numpy as np

    values = numbers(columns, name)
    return values[~np.isnan(values)]


def span(values: Floats, name: str) -> tuple[float, float]:
    """Least and greatest; NaN of no values. DataError when their distance is beyond float64."""
    import numpy as np

    if not len(values):
        return float("nan"), float("nan")
    least, greatest = float(values.min()), float(values.max())
    if not np.isfinite(greatest - least):
        raise too_large(name)
    return least, greatest


def mean_and_scale(values: Floats, name: str) -> tuple[float, float]:
    """Mean and standard deviation (1 where the column is constant) without missing; (0, 1) of nothing."""
    mean, variance, constant = moments(values, name)
    return mean, 1.0 if constant else variance**0.5


def moments(values: Floats, name: str) -> tuple[float, float, bool]:
    """Mean, variance in two passes, and whether the column is constant up to rounding.

    That is for Chan, Golub and LeVeque (1983) to say, as in scikit-learn's StandardScaler.
    """
    import numpy as np

    absent = np.isnan(values)
    count = max(len(values) - int(absent.sum()), 1)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.where(absent, 0.0, values).sum() / count
        variance = (np.where(absent, 0.0, values - mean) ** 2).sum() / count
        if not np.isfinite(variance):
            raise too_large(name)
        constant = variance <= count * EPSILON * variance + (count * mean * EPSILON) ** 2
    return float(mean), float(variance), bool(constant)


def safe_scale(scale: float) -> float:
    """What to divide by: 1 in place of (nearly) nothing, so that a constant column stays finite."""
    return 1.0 if scale < NEGLIGIBLE else scale


def all_missing(kind: str, name: str) -> DataError:
    return DataError(
        f'{kind}: every value of "{name}" is missing on learn',
        hint=f"take it out with {{kind: drop, columns: [{name}]}}",
    )


def too_large(name: str) -> DataError:
    return DataError(
        f'"{name}" holds numbers too large to calculate with',
        hint=f"bound them first: {{kind: clip, columns: [{name}], min: …, max: …}}",
    )


def drawn_rows(columns: FitColumns, most: int) -> NDArray[np.int64]:
    """The numbers of all rows, or of `most` of them drawn by the step's seed, in their order."""
    import numpy as np

    if columns.rows <= most:
        return np.arange(columns.rows)
    return np.sort(np.random.default_rng(columns.seed).choice(columns.rows, most, replace=False, shuffle=False))


def sampled_rows(columns: FitColumns, most: int) -> Floats:
    """All rows of all columns [n, k], or `most` of them drawn by the step's seed, in their order."""
    import numpy as np

    chosen = drawn_rows(columns, most)
    taken, start = [], 0
    for piece in columns.pieces():
        first, last = np.searchsorted(chosen, [start, start + len(piece)])
        taken.append(piece[chosen[first:last] - start])
        start += len(piece)
    return np.concatenate(taken)
