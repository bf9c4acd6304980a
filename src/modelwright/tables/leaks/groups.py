"""Guard: a column that names what several rows are about, while the split tears those rows apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.core.columns import Column
from modelwright.tables.engine import Engine, quote
from modelwright.tables.leaks.evidence import MOST_SAID, Leak, Sample, likeness, ordered, percent
from modelwright.tables.reading import SPLIT

FEWEST_PAIRS = 50
FEWEST_GROUPS = 20
ROWS_PER_GROUP = 2.0
ALIKE = 0.8  # of the targets in one group: correlation, or Cohen's kappa
SMOOTH = 0.5  # with as much likeness between neighbouring values, a number is a measurement, not a name


def torn_groups(engine: Engine, sample: Sample, target: Column) -> list[Leak]:
    """Columns with many values of several rows each, whose rows have much the same target and lie on several sides.

    The likeness is that of pairs of rows of the sample that share a value.
    """
    leaks: list[Leak] = []
    for column in sample.of("input", "ignore", types=("integer", "category", "text")):
        alike = _likeness(sample, column)
        if alike is not None and len(leaks) < MOST_SAID:
            leak = _torn(engine, column.name, alike, target)
            leaks += [leak] if leak else []
    return leaks


def _likeness(sample: Sample, column: Column) -> float | None:
    """How alike the targets of one value's rows are; None where the column does not look like a name."""
    known = ~np.isnan(sample.values[column.name])
    values, truth = sample.values[column.name][known], sample.target[known]
    if len(values) < 2 * FEWEST_PAIRS:
        return None
    order = np.lexsort((np.arange(len(values)) * 2654435761 % 4294967296, values))  # within a value in no order
    values, truth = values[order], truth[order]
    same = np.flatnonzero(values[:-1] == values[1:])
    _, counts = np.unique(values, return_counts=True)
    chance = float((counts * (counts - 1.0)).sum() / (len(values) * (len(values) - 1.0)))
    if len(same) < FEWEST_PAIRS or not chance:
        return None
    groups = 1 / chance  # equally large ones would meet as often
    if groups < FEWEST_GROUPS or sample.rows / groups < ROWS_PER_GROUP:
        return None
    alike = likeness(truth[same], truth[same + 1], sample)
    if alike < ALIKE:
        return None
    if ordered(column):
        steps = np.flatnonzero(values[:-1] != values[1:])
        if likeness(truth[steps], truth[steps + 1], sample) > SMOOTH:
            return None
    return alike


def _torn(engine: Engine, name: str, alike: float, target: Column) -> Leak | None:
    """The leak, if rows of one value are learnt from and tested on."""
    sides = (
        f"SELECT {quote(name)} AS v, count(*) FILTER (WHERE {quote(SPLIT)} = 'learn') AS learnt, "
        f"count(*) FILTER (WHERE {quote(SPLIT)} <> 'learn') AS others FROM rows "
        f"WHERE {quote(name)} IS NOT NULL GROUP BY 1"
    )
    values, others, known = engine.rows(
        f"SELECT count(*), sum(others), sum(others) FILTER (WHERE learnt > 0) FROM ({sides})"
    )[0]
    if not others or not known or known < 0.1 * others:
        return None
    both = f"SELECT v::VARCHAR, learnt, others FROM ({sides}) WHERE learnt > 0 AND others > 0"
    shown: list[Any] = [list(row) for row in engine.rows(f"{both} ORDER BY learnt + others DESC, v LIMIT 3")]
    first, learnt, beside = shown[0]
    said = f'"{name}" looks like the name of what rows are about: {values:,} values, whose rows have much the same '
    said += (
        f'"{target.name}" (likeness {alike:.2f} of 1), and {percent(known / others)} of the rows outside learn share '
    )
    said += f"theirs with learn (such as '{first}': {learnt:,} in learn, {beside:,} outside): scores will be too good; "
    said += f"columns: {{{name}: {{role: entity}}}} keeps them together"
    evidence = {"values": values, "alike": round(alike, 4), "outside": int(others), "shared": int(known), "rows": shown}
    return Leak("torn_group", (name,), evidence, said)
