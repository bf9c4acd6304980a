"""Bounds the iterations of a portfolio's first model, which always finishes, by how long its first ones take."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from modelwright.fitting.budget import Budget
from modelwright.fitting.members import Candidate, FoldFits, Member

FEW, MORE = 4, 16  # iterations that are timed: what both take alike is not of the iterations
LEAST = 0.25  # of that time is the iterations', whatever a busy machine made of the difference
SHARE = 0.5  # of the budget, for the first model on all folds
PROBE_SHARE = 0.1  # of the budget, to find out on which scale the target is learnt
FEWEST, STEP = 16, 2.0  # bounds are FEWEST times powers of STEP, so that they hardly depend on the clock
ENOUGH = 15.0  # iterations times learning rate, about, after which boosting has learnt what it will
LARGEST_RATE = 0.3


@dataclass(frozen=True)
class Pace:
    """Seconds of one wave of folds: of all that is not iterations, and of each iteration."""

    fixed_s: float
    iteration_s: float

    def iterations_in(self, seconds: float) -> int:
        """The most that fit, in coarse steps; FEWEST at least."""
        bound = float(FEWEST)
        while bound * STEP * self.iteration_s <= seconds - self.fixed_s:
            bound *= STEP
        return int(bound)


def pace(candidate: Candidate, fits: FoldFits) -> Pace | None:
    """None for models without a most number of iterations."""
    if getattr(candidate.model, "iterations", None) is None:
        return None
    few_s, more_s = (_seconds(candidate, fits, iterations) for iterations in (FEW, MORE))
    iteration_s = max((more_s - few_s) / (MORE - FEW), LEAST * more_s / MORE)
    return Pace(max(few_s - FEW * iteration_s, 0.0), iteration_s)


def _seconds(candidate: Candidate, fits: FoldFits, iterations: int) -> float:
    started = time.monotonic()
    fits.fit(_of(candidate, iterations=iterations), "raw", range(fits.at_once(candidate)))
    return time.monotonic() - started


def bounded(candidate: Candidate, found: Pace, fits: FoldFits, budget: Budget) -> Candidate:
    """The same model for fewer iterations, each of which counts more, where more would take most of the budget."""
    waves = -(-len(fits.shared.folds) // fits.at_once(candidate))
    most = found.iterations_in(SHARE * budget.seconds / waves)
    usual = candidate.model.model_dump()
    if most >= usual["iterations"]:
        return candidate
    if "learning_rate" not in usual:
        return _of(candidate, iterations=most)
    rate = usual["learning_rate"]
    return _of(candidate, iterations=most, learning_rate=max(rate, min(ENOUGH / most, LARGEST_RATE)))


def was_short(bounded: Candidate, member: Member) -> bool:
    """Whether it used all iterations that it was given."""
    given, used = (model.model_dump()["iterations"] for model in (bounded.model, member.model))
    return bool(used >= given)


def for_probe(candidate: Candidate, found: Pace, share_of_rows: float, fits_alike: int, budget: Budget) -> Candidate:
    """The same model for so few iterations that `fits_alike` waves of it, on a share of the rows, take little."""
    pace = Pace(found.fixed_s * share_of_rows, found.iteration_s * share_of_rows)
    most = pace.iterations_in(PROBE_SHARE * budget.seconds / fits_alike)
    return _of(candidate, iterations=min(most, candidate.model.model_dump()["iterations"]))


def _of(candidate: Candidate, **settings: float) -> Candidate:
    return replace(candidate, model=candidate.model.model_copy(update=settings))
