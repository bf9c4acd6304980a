"""What the prepared tables say to a person: outliers, what tells of the target, whether the splits are alike.

`insights.json`: {rows, columns: {name: {outliers, explained, curve}}, splits: {validation, test: [drift of a column]}};
figures are of at most 50,000 rows of each split. `outliers` is the share of values beyond Tukey's fences, `explained`
the share of the target that the column alone explains, `curve` the mean of the target (or the share of each class) by
bins of the column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.core.columns import Column, Schema

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from modelwright.fitting.relations import Relation
    from modelwright.parts.base import Task
    from modelwright.tables.profiles import Profile

ALPHA, EFFECT = 0.01, 0.05
ROLES = ("input", "time", "entity", "target")


def insights(folder: Path, schema: Schema, profile: Profile, task: Task) -> dict[str, Any]:
    """From the split tables in `folder`."""
    from modelwright.fitting.relations import outliers
    from modelwright.tables.sampling import sample

    shown = [column for column in schema.columns if column.role in ROLES]
    learn = sample(folder / "learn.parquet", [column.name for column in shown])
    target = _target(learn, schema, task)
    found: dict[str, Any] = {}
    for column in shown:
        values = learn[column.name]
        told = None if target is None or column.role == "target" else _relation(column, values, target, task)
        found[column.name] = {
            "outliers": outliers(column, values),
            "explained": None if told is None else told.explained,
            "curve": [] if told is None else list(told.curve),
        }
    inputs = [column for column in shown if column.role in ("input", "target")]
    splits = {name: _drift(folder / f"{name}.parquet", inputs, profile) for name in ("validation", "test")}
    return {"rows": learn.num_rows, "columns": found, "splits": splits}


def _relation(column: Column, values: Any, target: NDArray[np.float64], task: Task) -> Relation:
    """Of several targets, what the column tells of each counts alike, whatever its unit."""
    from modelwright.fitting.relations import relation

    if len(task.targets) == 1:
        return relation(column, values, target)
    spread = np.nanstd(target, axis=0)
    alike = relation(column, values, target / np.where(spread > 0, spread, 1.0))
    return replace(relation(column, values, target), explained=alike.explained)


def _target(learn: Any, schema: Schema, task: Task) -> NDArray[np.float64] | None:
    """[N, K]: the numbers of each target, or 0 and 1 for each class; None where nothing is predicted."""
    if not task.supervised:
        return None
    values = task.truth(learn, schema)
    if not task.classification or not schema.classes:
        return values.reshape(len(values), -1)
    return np.asarray(values[:, None] == np.arange(len(schema.classes)), np.float64)


def _drift(path: Path, columns: Sequence[Column], profile: Profile) -> list[dict[str, Any]]:
    """Columns of a split that differ from learn, by the tests that monitor uses; the most different first."""
    from modelwright.fitting.drift import compare_with_profile, drift_tests
    from modelwright.tables.sampling import sample

    names = [column.name for column in columns]
    table = sample(path, names)
    if not table.num_rows:
        return []
    tests = drift_tests("auto")
    return [
        drift.to_dict()
        for drift in compare_with_profile(table, profile, names, tests, alpha=ALPHA, effect=EFFECT)
        if drift.status != "quiet"
    ]
