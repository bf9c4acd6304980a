"""Finds out on some rows whether a skewed target is better learnt as its square root or logarithm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from modelwright.core.seeds import child_seed
from modelwright.fitting import ensembling, target_transforms
from modelwright.fitting.budget import Budget
from modelwright.fitting.first_model import Pace, for_probe
from modelwright.fitting.members import Candidate, FoldFits, returned
from modelwright.fitting.shared_folds import SharedFolds, spread
from modelwright.fitting.target_transforms import Scale
from modelwright.fitting.training import Recipe
from modelwright.parts.base import Metric

if TYPE_CHECKING:
    from modelwright.parts.predictions import Predictions

FOLDS = 2
ROWS = 6_000  # of each fold, to learn from and to look at
HASTY_RATE = 0.12  # of learning: only which scale is better has to show


def best_scale(
    candidate: Candidate, shared: SharedFolds, recipe: Recipe, metric: Metric, pace: Pace | None, budget: Budget
) -> Scale | None:
    """The scale on which `candidate` scores best, by more than one standard error; None where there is no question.

    With the `pace` of the candidate its iterations are bounded, so that it takes a part of the budget only."""
    scales = target_transforms.scales_to_probe(shared.data.target(shared.data.learn))
    if len(scales) == 1:
        return None
    candidate = _hasty(candidate)
    if pace is not None:
        share = min(1.0, ROWS / max(int(shared.folds[0].learn.sum()), 1))
        candidate = for_probe(candidate, pace, share, len(scales), budget)
    best: Scale = "raw"
    predictions: dict[Scale, Predictions] = {}
    for scale in scales:
        predictions[scale] = _predicted(candidate, scale, shared, recipe)
        seed = child_seed(recipe.seed, "target scale")
        gain, error = ensembling.advantage(metric, predictions[scale], predictions[best], seed)
        best = scale if gain > error else best
    return best


def _predicted(candidate: Candidate, scale: Scale, shared: SharedFolds, recipe: Recipe) -> Predictions:
    """Of some rows that the first folds hold out, by models of some rows that they learn from."""
    numbers = range(min(FOLDS, len(shared.folds)))
    fits = FoldFits(shared, recipe, most_rows=ROWS)
    whole = np.full(len(shared.predicted), np.nan)
    for number, (fitted, _) in zip(numbers, fits.fit(candidate, scale, numbers), strict=True):
        held = shared.samples(number)[1]
        rows = spread(len(held.target), ROWS)
        whole[np.flatnonzero(shared.folds[number].held)[rows]] = fitted.predict(held.features[rows])
    seen = ~np.isnan(whole)
    rows = seen[shared.predicted]
    _, values = returned(whole[seen], scale, shared, rows)
    scores = np.zeros(len(rows))
    scores[rows] = values
    return shared.predictions(scores, rows)


def _hasty(candidate: Candidate) -> Candidate:
    rate = getattr(candidate.model, "learning_rate", None)
    if rate is None:
        return candidate
    model = candidate.model.model_copy(update={"learning_rate": max(rate, HASTY_RATE)})
    return Candidate(candidate.name, model, candidate.round)
