"""Guard: one column that almost determines the target."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from modelwright.core.columns import Column
from modelwright.core.units import format_number
from modelwright.tables.description import LEARN
from modelwright.tables.engine import Engine, literal, quote
from modelwright.tables.leaks.evidence import MOST_SAID, Floats, Leak, Sample, correlation, percent, ranks
from modelwright.tables.leaks.evidence import ordered as is_ordered

PURITY = 0.999  # share of rows whose class the column gives
MOST_COMMON = 0.99  # share of one class beyond which that says little
FEWEST = 10  # rows for each value or interval, and outside the most common class: fewer may be pure by chance
MOST_PIECES = 50  # values or intervals of a column that count as a rule
NOT_BY_CHANCE = 0.1  # of the changes of class along a column that a shuffled one would have
AGREEMENT = 0.999  # correlation, or share of the variance, beyond which a number determines another
SHOWN = 4  # pieces of a rule that are shown


def class_given_away(engine: Engine, sample: Sample, target: str) -> list[Leak]:
    """Columns of which a few values or intervals give the class: found on the sample, confirmed on all of learn."""
    truth = sample.target[sample.learn].astype(np.int64)
    counts = np.bincount(truth, minlength=1)
    if len(truth) - counts.max() < FEWEST or counts.max() > MOST_COMMON * len(truth):
        return []
    leaks = []
    for column in sample.of("input"):
        leak = _suspected(engine, sample, column, truth, target)
        if leak is not None:
            leaks.append(leak)
    return leaks[:MOST_SAID]


def number_given_away(sample: Sample, target: str) -> list[Leak]:
    """Columns that rise and fall with the target, or whose values or intervals leave nothing of its variance."""
    truth = sample.target[sample.learn]
    leaks = []
    for column in sample.of("input"):
        values = sample.values[column.name][sample.learn]
        known = ~np.isnan(values)
        if known.sum() >= 2 * FEWEST and known.mean() > 0.5:
            said, evidence = _relation(values[known], truth[known], ordered=is_ordered(column))
            if said:
                words = (
                    f'"{column.name}" is nearly the same as the target "{target}" ({said}). A leak, if it is not known '
                )
                words += "when predicting"
                leaks.append(Leak("determines", (column.name,), {**evidence, "rows": int(known.sum())}, words))
    return leaks[:MOST_SAID]


def _relation(values: Floats, truth: Floats, *, ordered: bool) -> tuple[str, dict[str, float]]:
    if ordered:
        linear = correlation(values, truth)
        if abs(linear) > AGREEMENT:
            return f"|correlation| > {AGREEMENT}: {_shown(linear)}", {"correlation": round(linear, 6)}
        monotone = correlation(ranks(values), ranks(truth))
        if abs(monotone) > AGREEMENT:
            return f"correlation of ranks {_shown(monotone)}", {"rank_correlation": round(monotone, 6)}
    explained = _explained(values, truth, ordered=ordered)
    if explained > AGREEMENT:
        return f"its values explain {percent(explained)} of the variance", {"explained": round(explained, 6)}
    return "", {}


def _explained(values: Floats, truth: Floats, *, ordered: bool) -> float:
    """Share of the target's variance between the column's values, or between intervals with equally many rows."""
    _, place = np.unique(values, return_inverse=True)
    pieces = place.max() + 1
    if ordered and pieces > len(values) / FEWEST:
        pieces = max(len(values) // FEWEST // 2, 1)
        place = np.minimum(ranks(values) * pieces // len(values), pieces - 1).astype(np.int64)
    count, whole = np.bincount(place, minlength=pieces), truth - truth.mean()
    if pieces < 2 or pieces > len(values) / FEWEST or not np.isfinite((whole**2).sum()) or not (whole**2).sum():
        return 0.0
    means = np.bincount(place, whole, minlength=pieces) / np.maximum(count, 1)
    return float((count * means**2).sum() / (whole**2).sum())


@dataclass(frozen=True)
class _Intervals:
    """The class of values up to each of `ends`, of those above the last, and of missing ones."""

    ends: Floats
    classes: NDArray[np.int64]
    missing: int | None


def _suspected(engine: Engine, sample: Sample, column: Column, truth: NDArray[np.int64], target: str) -> Leak | None:
    values = sample.values[column.name][sample.learn]
    if len(np.unique(values)) <= MOST_PIECES:
        pure = _right(values, truth) >= PURITY * len(truth)
        return _by_value(engine, column.name, target) if pure else None
    if not is_ordered(column):  # many words; what may tell is that there is one
        flags = np.isnan(values).astype(np.float64)
        pure = bool(flags.any()) and _right(flags, truth) >= PURITY * len(truth)
        return _by_value(engine, column.name, target, "IS NULL") if pure else None
    intervals = _intervals(values, truth)
    return None if intervals is None else _by_interval(engine, sample, column, intervals, target)


def _right(values: Floats, truth: NDArray[np.int64]) -> int:
    """How many rows are of the most frequent class of their value."""
    _, place = np.unique(values, return_inverse=True)
    counts = np.zeros((place.max() + 1, truth.max() + 1), np.int64)
    np.add.at(counts, (place, truth), 1)
    return int(counts.max(axis=1).sum())


def _intervals(values: Floats, truth: NDArray[np.int64]) -> _Intervals | None:
    """None where the class changes more than a few times along the sorted values."""
    distinct, place = np.unique(values, return_inverse=True)  # NaN is one value, the last
    n_classes = int(truth.max()) + 1
    pairs, counts = np.unique(place * n_classes + truth, return_counts=True)
    starts = np.flatnonzero(np.diff(pairs // n_classes, prepend=-1))
    if np.maximum.reduceat(counts, starts).sum() < PURITY * len(truth):
        return None
    majority = pairs[np.lexsort((-counts, pairs // n_classes))[starts]] % n_classes
    missing = int(np.isnan(distinct[-1]))
    known = len(distinct) - missing
    edges = np.flatnonzero(np.diff(majority[:known])) + 1
    shares = np.bincount(truth) / len(truth)
    chance = len(distinct) * (1 - (shares**2).sum())
    pieces = len(edges) + 1 + missing
    few = pieces - 1 <= max(n_classes - 1, NOT_BY_CHANCE * chance) and FEWEST * pieces <= len(truth)
    if not few or not 2 <= pieces <= MOST_PIECES:
        return None
    ends = (distinct[edges - 1] + distinct[edges]) / 2
    classes = majority[np.concatenate([[0], edges]).astype(np.int64)]
    return _Intervals(ends, classes, int(majority[-1]) if missing else None)


def _by_interval(engine: Engine, sample: Sample, column: Column, intervals: _Intervals, target: str) -> Leak | None:
    """The rule that the sample gave, on all rows of learn."""
    name = quote(column.name)
    number = f"epoch_us({name})::DOUBLE" if column.type == "timestamp" else f"{name}::DOUBLE"
    labels = [sample.classes[code] for code in intervals.classes.tolist()]
    rule = [[f"up to {_shown(end, column.type)}", label] for end, label in zip(intervals.ends, labels, strict=False)]
    rule.append([f"above {_shown(intervals.ends[-1], column.type)}" if rule else "known", labels[-1]])
    cases = [
        f"WHEN {number} <= {float(end)!r}::DOUBLE THEN {literal(label)}"
        for end, label in zip(intervals.ends, labels, strict=False)
    ]
    if intervals.missing is not None:
        rule.append(["missing", sample.classes[intervals.missing]])
        cases.insert(0, f"WHEN {name} IS NULL THEN {literal(rule[-1][1])}")
    guess, said = f"CASE {' '.join(cases)} ELSE {literal(labels[-1])} END", f"{quote(target)}::VARCHAR"
    counted = engine.rows(
        f"SELECT {said}, count(*), count(*) FILTER (WHERE {guess} = {said}) FROM rows WHERE {LEARN} GROUP BY 1"
    )
    rows, right = sum(count for _, count, _ in counted), sum(hits for _, _, hits in counted)
    return _leak(column.name, rule, rows, right, max(count for _, count, _ in counted))


def _by_value(engine: Engine, name: str, target: str, of: str = "") -> Leak | None:
    """The most frequent class of each value, on all rows of learn; `of`: of what SQL makes of the value."""
    counted = engine.rows(
        f"SELECT ({quote(name)} {of})::VARCHAR, {quote(target)}::VARCHAR, count(*) FROM rows WHERE {LEARN} "
        "GROUP BY ALL ORDER BY 1 NULLS LAST, 3 DESC, 2"
    )
    best: dict[str | None, tuple[str, int]] = {}
    classes: dict[str, int] = {}
    for value, label, count in counted:
        best.setdefault(value, (label, count))
        classes[label] = classes.get(label, 0) + count
    rows = sum(classes.values())
    if not 2 <= len(best) <= min(MOST_PIECES, rows // FEWEST):
        return None
    words = {"true": "missing", "false": "known"} if of else {}
    rule = [
        ["missing" if value is None else words.get(value, f"'{value}'"), label] for value, (label, _) in best.items()
    ]
    return _leak(name, rule, rows, sum(count for _, count in best.values()), max(classes.values()))


def _leak(name: str, rule: list[list[str]], rows: int, right: int, common: int) -> Leak | None:
    if right < PURITY * rows or common > MOST_COMMON * rows:
        return None
    listed = "; ".join(f"{piece}: {label}" for piece, label in rule[:SHOWN]) + ("; …" if len(rule) > SHOWN else "")
    said = f'"{name}" alone gives the class of nearly every row ({percent(right / rows)} of {rows:,}; the most common '
    said += f"class has {percent(common / rows)}): {listed}. A leak, if it is not known when predicting"
    return Leak("determines", (name,), {"rows": rows, "right": right, "most_common": common, "rule": rule}, said)


def _shown(value: float, kind: str = "number") -> str:
    if kind == "timestamp":
        return (datetime(1970, 1, 1) + timedelta(microseconds=float(value))).isoformat(" ", "seconds")
    return format_number(float(value), 6)
