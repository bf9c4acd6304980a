"""Reference and current side by side, coarse enough to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from modelwright.tables.profiles import ColumnCounts, Profile, count

MOST_CATEGORIES = 12


def pictures(table: pa.Table, profile: Profile, columns: Sequence[str]) -> list[dict[str, Any]]:
    """For each column: categories with the share of rows that have them, or edges with the share of rows up to them."""
    now = count(table, profile)
    return [_picture(profile[name], now[name]) for name in columns]


def _picture(reference: ColumnCounts, current: ColumnCounts) -> dict[str, Any]:
    if reference.categories is not None:
        return _categories(reference, current)
    shares = [np.cumsum(side.counts)[:-1] / max(sum(side.counts), 1) for side in (reference, current)]
    return {
        "column": reference.name,
        "categories": None,
        "edges": list(reference.edges or ()),
        "reference": shares[0].tolist(),
        "current": shares[1].tolist(),
    }


def _categories(reference: ColumnCounts, current: ColumnCounts) -> dict[str, Any]:
    names = [*(reference.categories or ()), "(new)", "(missing)"]
    counts = np.array([[*side.counts, side.other, side.missing] for side in (reference, current)], dtype=float)
    counts /= np.maximum(counts.sum(axis=1, keepdims=True), 1)
    largest = np.argsort(-counts.max(axis=0), kind="stable")[:MOST_CATEGORIES]
    shown = [place for place in sorted(largest) if counts[:, place].any()]
    return {
        "column": reference.name,
        "categories": [names[place] for place in shown],
        "edges": None,
        "reference": counts[0, shown].tolist(),
        "current": counts[1, shown].tolist(),
    }
