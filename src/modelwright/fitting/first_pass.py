"""Where there are too many rows for all models to have their turn, lets them compete on a part of the rows first.

One round of successive halving (Jamieson and Talwalkar, AISTATS 2016): what is worse on some rows is hardly ever the
best on all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modelwright.core.errors import ModelwrightError
from modelwright.core.seeds import child_seed
from modelwright.core.units import format_number
from modelwright.fitting import costs, scoring, target_transforms
from modelwright.fitting.budget import Budget
from modelwright.fitting.fit import fit_model
from modelwright.fitting.folds import taken
from modelwright.fitting.members import Candidate, FoldFits, Member, context_for, returned
from modelwright.fitting.target_transforms import Scale
from modelwright.parts.base import Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from modelwright.parts.samples import Feature, Floats, Samples

MANY_ROWS = 200_000  # to learn from, of all folds together; fewer are worth no detour
FEWEST_ROWS = 5_000  # on which models show which is better
PART = 0.25  # of a fold's rows, at most
SHARE = 0.15  # of the seconds that are left, at most


def rows_to_compete_on(
    candidates: Sequence[Candidate], members: Sequence[Member], fits: FoldFits, budget: Budget
) -> int | None:
    """None where all candidates are expected to fit into the budget anyway, or too few rows would fit."""
    folds = fits.shared.folds
    if sum(int(fold.learn.sum()) for fold in folds) < MANY_ROWS or len(candidates) < 2:
        return None
    if budget.fits(sum(costs.member_s(one, members, fits) for one in candidates)):
        return None
    once_s = sum(costs.fold_s(one, members, fits) for one in candidates)
    rows = int(folds[0].learn.sum())
    found = rows * PART
    while found >= FEWEST_ROWS and found / rows * once_s > SHARE * budget.left_s:
        found /= 2  # not just what fits: that would be another number each time
    return int(found) if found >= FEWEST_ROWS else None


def compete(
    candidates: Sequence[Candidate], fits: FoldFits, scale: Scale, metric: Metric, budget: Budget, rows: int
) -> list[tuple[Candidate, str]]:
    """The worse half of those that could be scored on so many rows, and what is said of them."""
    part = _Part.of(fits, scale, rows)
    scores = {}
    for candidate in candidates:
        if not budget.fits(0):
            break
        try:
            scores[candidate.name] = _score(candidate, part, fits, metric)
        except ModelwrightError:  # it is told when its turn comes
            continue
    sign = -1 if metric.direction == "higher" else 1
    ranked = sorted(scores, key=lambda name: sign * scores[name])
    behind = ranked[len(ranked) - len(ranked) // 2 :]
    told = f"behind on {rows:,} rows: {metric.kind}"
    return [(one, f"{told} {format_number(scores[one.name])}") for one in candidates if one.name in behind]


@dataclass(frozen=True)
class _Part:
    """Of the first fold: half of the held-out rows say when to stop, the others how good a model is."""

    learn: Samples
    stopping: Samples
    scored: Floats  # features [s, F]
    judged: NDArray[np.bool_]  # which of all judged rows those are
    features: tuple[Feature, ...]
    scale: Scale

    @classmethod
    def of(cls, fits: FoldFits, scale: Scale, rows: int) -> _Part:
        shared, seed = fits.shared, fits.recipe.seed
        learn, held, features = shared.samples(0)
        outside = _drawn(len(held.target), rows, seed, "held")
        seen = np.zeros(len(shared.predicted), dtype=bool)
        seen[np.flatnonzero(shared.folds[0].held)[outside[1::2]]] = True
        parts = (taken(learn, _drawn(len(learn.target), rows, seed, "learn")), taken(held, outside[::2]))
        learn, stopping = (target_transforms.on_scale(one, scale) for one in parts)
        return cls(learn, stopping, held.features[outside[1::2]], seen[shared.predicted], features, scale)


def _score(candidate: Candidate, part: _Part, fits: FoldFits, metric: Metric) -> float:
    context = context_for(fits.shared, fits.recipe, candidate, part.features)
    found = fit_model(candidate.model, part.learn, part.stopping, context).predict(part.scored)
    whole = np.zeros((len(part.judged), *found.shape[1:]))
    whole[part.judged] = returned(found, part.scale, fits.shared, part.judged)[1]
    return scoring.finite_score(metric, fits.shared.predictions(whole, part.judged))


def _drawn(rows: int, most: int, seed: int, what: str) -> NDArray[np.int64]:
    """Sorted places of rows."""
    if rows <= most:
        return np.arange(rows)
    random = np.random.default_rng(child_seed(seed, "first pass", what))
    return np.sort(random.choice(rows, most, replace=False))
