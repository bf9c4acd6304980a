"""How fast a model is on this machine, measured before the first request: what is answered at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from modelwright.serving.layout import Rows

INLINE_US = 2000.0  # a longer call would hold up the other connections of its worker for too long
SLOW_US = 20_000.0  # no larger batch is tried after a call as long as this
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
RUNS = 3
NEARLY = 1.1  # a batch this close to the fastest per row is as good, and keeps its first request waiting for less


@dataclass(frozen=True)
class Pace:
    """`inline_rows`: most rows scored at once; `batch_rows`: most rows of several requests scored together."""

    inline_rows: int = 64
    batch_rows: int = 256
    row_us: float = 20.0  # of a row in a batch


def measured(score: Callable[[Rows], object], rows: Rows) -> Pace:
    """From the fastest of a few calls for each size, each with other rows: trees are faster with rows they know."""
    best_us: dict[int, float] = {}
    score(rows)  # the first call also allocates
    for size in SIZES:
        best_us[size] = min(_timed_us(score, rows.mixed(run * size, size)) for run in range(RUNS))
        if best_us[size] > SLOW_US:
            break
    row_us = {size: spent / size for size, spent in best_us.items()}
    least = min(row_us.values())
    quick = [(size, max(us, 1.0)) for size, us in best_us.items() if us <= INLINE_US]
    inline = max((int(size * min(2, INLINE_US / us)) for size, us in quick), default=0)
    return Pace(inline, min(size for size, each in row_us.items() if each <= least * NEARLY), least)


def _timed_us(score: Callable[[Rows], object], rows: Rows) -> float:
    started = time.thread_time_ns()  # of this thread alone: a busy machine does not make a model slow
    score(rows)
    return (time.thread_time_ns() - started) / 1000
