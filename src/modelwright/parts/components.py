"""What pca and svd share: the products of columns, summed over rows in a fixed order, and their main directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelwright.core.errors import DataError, SpecError
from modelwright.parts.one_thread import one_thread

if TYPE_CHECKING:
    from modelwright.parts.samples import FitColumns, Floats


def products(columns: FitColumns, kind: str, centre: Floats) -> Floats:
    """[k, k]: the sum over rows of (x_i - c_i) (x_j - c_j). SpecError where a value is missing."""
    import numpy as np

    total = np.zeros((len(columns.names), len(columns.names)))
    with one_thread(), np.errstate(over="ignore", invalid="ignore"):
        for piece in columns.pieces():
            absent = np.isnan(piece).any(axis=0)
            if absent.any():
                raise SpecError(
                    f'{kind}: "{columns.names[int(np.argmax(absent))]}" has missing values on learn',
                    hint="fill them first: {kind: impute}",
                )
            centred = piece - centre
            total += centred.T @ centred
    if not np.isfinite(total).all():
        raise DataError(f"{kind}: numbers too large to calculate with", hint="scale them first: {kind: standardize}")
    return total


def largest(symmetric: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues, falling and not below 0, and eigenvectors as columns; of each the greatest entry is positive."""
    import numpy as np

    with one_thread():
        values, vectors = np.linalg.eigh(symmetric)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    greatest = np.abs(vectors).argmax(axis=0)
    signs = np.where(vectors[greatest, np.arange(len(values))] < 0, -1.0, 1.0)
    return values, vectors * signs
