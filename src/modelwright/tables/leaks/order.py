"""Guards about order: a number that only counts the rows, and a target that follows rows or time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from modelwright.core.columns import Column
from modelwright.core.units import format_number
from modelwright.tables.engine import Engine, quote
from modelwright.tables.leaks.evidence import Floats, Leak, Sample, correlation, likeness, percent, ranks

FEWEST = 100  # rows
RISES = 0.9999  # correlation of ranks between a number and the row's number
ALIKE = 0.8  # correlation of neighbours' targets; for classes Cohen's kappa
DRIFTED = 0.5  # standard deviations between the first and the last fifth; for classes the share that changed, / 5
WINDOWS = 8
WINDOW_ROWS = 2000
SURE = 5.0  # standard errors


def counts_rows(sample: Sample) -> list[Leak]:
    """Whole numbers that rise (or fall) from row to row and never repeat: they say where a row was, nothing else."""
    leaks = []
    for column in sample.of("input", types=("integer",)):
        values = sample.values[column.name]
        known = ~np.isnan(values)
        if known.all() and len(values) >= FEWEST and len(np.unique(values)) == len(values):
            rises = correlation(ranks(values), ranks(sample.position))
            if abs(rises) > RISES:
                related = correlation(ranks(values), ranks(sample.target)) if not sample.classes else None
                beside = "" if related is None else f"; its correlation of ranks with the target is {related:.2f}"
                said = (
                    f'"{column.name}" {"rises" if rises > 0 else "falls"} from row to row and never repeats{beside}: a '
                )
                said += f"row number or a moment, not an input; columns: {{{column.name}: {{role: id}}}}"
                evidence = {"rank_correlation_with_row": round(rises, 4), "rows": len(values)}
                leaks.append(Leak("row_number", (column.name,), evidence, said))
    return leaks


def follows_order(engine: Engine, sample: Sample, target: Column, time: str | None, *, grouped: bool) -> list[Leak]:
    """Rows next to each other with much the same target, while the split tears neighbours apart.

    Next to each other in time where there is one; else in the order of the source.
    """
    if sample.rows < FEWEST or grouped or not _torn(sample, time):
        return []
    truth, pairs = _neighbours(engine, sample, target, time)
    alike = likeness(truth[pairs], truth[pairs + 1], sample)
    if len(pairs) < FEWEST or alike < ALIKE:
        return []
    measure = "agreement beyond chance" if sample.classes else "correlation"
    evidence = {"alike": round(alike, 4), "pairs": len(pairs), "by": time or "row"}
    if time is None:
        said = f'the target "{target.name}" follows the order of the rows ({measure} of neighbours {alike:.2f}, '
        said += f"{len(pairs):,} pairs): if that order is time, or each measurement gives several rows, a random split "
        said += "tests on what it has learnt; give a column the role time or entity. Rows merely sorted do no harm"
        return [Leak("row_order", (target.name,), evidence, said)]
    said = f'rows next to each other in "{time}" have much the same "{target.name}" ({measure} {alike:.2f}, '
    said += f"{len(pairs):,} pairs), and the split puts neighbours into learn and test: scores will be too good; "
    said += "use {kind: time}"
    return [Leak("neighbours", (time, target.name), evidence, said)]


def drifts(sample: Sample, target: Column, time: str | None) -> list[Leak]:
    """A target whose mean, or mix of classes, is another in the first fifth of time than in the last."""
    if time is None:
        return []
    moments = sample.values[time]
    known = ~np.isnan(moments)
    order = np.flatnonzero(known)[np.argsort(moments[known], kind="stable")]
    fifth = len(order) // 5
    if fifth < FEWEST or moments[order[0]] == moments[order[-1]]:
        return []
    first, last = sample.target[order[:fifth]], sample.target[order[-fifth:]]
    found = _classes_changed(first, last, sample) if sample.classes else _mean_changed(first, last, sample)
    if found is None:
        return []
    words, evidence = found
    span = (
        f'between the first fifth of "{time}" (up to {_moment(moments[order[fifth - 1]], sample[time])}) and the last'
    )
    after = (
        "a random split hides that from the scores; use {kind: time}"
        if _torn(sample, time)
        else "scores on the latest rows count, and monitor should watch it"
    )
    return [Leak("drift", (time, target.name), evidence, f'"{target.name}" changes with time: {words} {span}: {after}')]


def time_of(sample: Sample) -> str | None:
    """The column that says when: of role time, else the only timestamp among the inputs that every row has."""
    named = sample.of("time")
    stamps = [one for one in sample.of("input", types=("timestamp",)) if not np.isnan(sample.values[one.name]).any()]
    found = named or (stamps if len(stamps) == 1 else [])
    return found[0].name if found else None


def _torn(sample: Sample, time: str | None) -> bool:
    """Whether rows that are not learnt from lie between rows that are."""
    place = sample.position if time is None else sample.values[time]
    known = ~np.isnan(place)
    learn, others = place[known & sample.learn], place[known & ~sample.learn]
    if not len(learn) or not len(others):
        return False
    return bool(((others > learn.min()) & (others < learn.max())).mean() > 0.5)


def _neighbours(engine: Engine, sample: Sample, target: Column, time: str | None) -> tuple[Floats, Any]:
    """Targets of runs of rows, and where a row's follower comes right after it: of all rows, or of some windows."""
    truth = f"{quote(target.name)}::DOUBLE" if not sample.classes else f"{quote(target.name)}::VARCHAR"
    place = "rowid" if time is None else quote(time)
    known = "true" if time is None else f"{quote(time)} IS NOT NULL"
    conditions: Sequence[str] = ["true"]
    if sample.rows > WINDOWS * WINDOW_ROWS:
        conditions = _windows(sample, time)
    runs = [f"WHEN {condition} THEN {at}" for at, condition in enumerate(conditions)]
    numbered = f"SELECT {truth} AS truth, {place} AS place, rowid AS row, CASE {' '.join(runs)} END AS run FROM rows"
    table = engine.arrow(
        f"SELECT truth, run FROM ({numbered} WHERE {known}) WHERE run IS NOT NULL ORDER BY run, place, row"
    )
    values = table.column(0).combine_chunks()
    if sample.classes:
        codes = {label: at for at, label in enumerate(sample.classes)}
        numbers = np.array([codes.get(value, -1) for value in values.to_pylist()], np.float64)
    else:
        numbers = values.to_numpy(zero_copy_only=False).astype(np.float64)
    run = table.column(1).to_numpy()
    return numbers, np.flatnonzero(run[:-1] == run[1:])


def _windows(sample: Sample, time: str | None) -> Sequence[str]:
    """Conditions that are met by some runs of neighbouring rows each."""
    if time is None:
        starts = [round(at * sample.rows / WINDOWS) for at in range(WINDOWS)]
        return [f"rowid BETWEEN {start} AND {start + WINDOW_ROWS - 1}" for start in starts]
    moments = np.sort(sample.values[time][~np.isnan(sample.values[time])])
    wide = max(round(WINDOW_ROWS * len(moments) / sample.rows), 1)
    starts = [round(at * (len(moments) - wide - 1) / (WINDOWS - 1)) for at in range(WINDOWS)]
    column = f"epoch_us({quote(time)})" if sample[time].type == "timestamp" else quote(time)
    return [f"{column} >= {float(moments[at])!r} AND {column} < {float(moments[at + wide])!r}" for at in starts]


def _mean_changed(first: Floats, last: Floats, sample: Sample) -> tuple[str, dict[str, Any]] | None:
    spread = float(sample.target.std())
    change = float(last.mean() - first.mean())
    if not spread or abs(change) < DRIFTED * spread or abs(change) < SURE * spread * np.sqrt(2 / len(first)):
        return None
    means = float(first.mean()), float(last.mean())
    words = f"its mean goes from {format_number(means[0])} to {format_number(means[1])}"
    return words, {
        "first_mean": round(means[0], 6),
        "last_mean": round(means[1], 6),
        "deviations": round(change / spread, 4),
    }


def _classes_changed(first: Floats, last: Floats, sample: Sample) -> tuple[str, dict[str, Any]] | None:
    size = len(sample.classes)
    shares = [np.bincount(part.astype(np.int64), minlength=size) / len(part) for part in (first, last)]
    moved = float(np.abs(shares[1] - shares[0]).sum() / 2)
    if moved < DRIFTED / 5 or moved < SURE * np.sqrt(size / 4 / len(first)):
        return None
    most = int(np.abs(shares[1] - shares[0]).argmax())
    before, after = float(shares[0][most]), float(shares[1][most])
    words = f"the share of {sample.classes[most]!r} goes from {percent(before)} to {percent(after)}"
    return words, {"class": sample.classes[most], "first_share": round(before, 6), "last_share": round(after, 6)}


def _moment(value: float, column: Column) -> str:
    if column.type != "timestamp":
        return f"{value:g}"
    return (datetime(1970, 1, 1) + timedelta(microseconds=float(value))).isoformat(" ", "seconds")
