"""Chooses among the candidates of a portfolio within a budget, all scored by the same validation."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from modelwright.core.errors import DataError
from modelwright.core.progress import Progress
from modelwright.core.seeds import child_seed
from modelwright.fitting import scoring, training
from modelwright.fitting.prepared import Prepared
from modelwright.fitting.training import Recipe, Trained
from modelwright.parts.base import Metric, Model
from modelwright.parts.bootstrap import Interval

RESAMPLES = 200


@dataclass(frozen=True)
class Candidate:
    """One model of the portfolio: how it did, or why it was not tried or could not be fitted."""

    model: Model
    trained: Trained | None = None
    score: Interval | None = None
    reason: str = ""

    def to_dict(self, rank: int | None, metric: str) -> dict[str, Any]:
        return {
            "rank": rank,
            "model": self.model.kind,
            "parameters": self.model.model_dump(mode="json", exclude={"kind"}),
            "metric": metric,
            "score": None if self.score is None else self.score.to_dict(),
            "not_ranked_because": self.reason or None,
        }


def choose(data: Prepared, recipe: Recipe, models: Sequence[Model], budget_s: float, progress: Progress) -> Trained:
    """The best of `models` by `task.metric`, with a leaderboard of all; refitted on more rows if the recipe says so.

    They are tried in order until the next one is not expected to fit into the budget; the first always is.
    DataError when none can be fitted.
    """
    metric = scoring.deciding_metric(data.task)
    started, longest = time.monotonic(), 0.0
    tried: list[Candidate] = []
    with progress.track("candidates", len(models)) as advance:
        for model in models:
            spent = time.monotonic() - started
            if tried and spent + longest > budget_s:
                tried.append(Candidate(model, reason=f"the budget of {budget_s:g} s was spent"))
            else:
                tried.append(_tried(model, data, recipe, metric, progress))
                longest = max(longest, time.monotonic() - started - spent)
            advance(1)
    ranked = _ranked(tried, metric)
    if not ranked:
        raise DataError(f"no candidate could be fitted; {tried[0].model.kind}: {tried[0].reason}")
    best = ranked[0]
    assert best.trained is not None
    chosen = _chosen(data, best.trained, tried, ranked, metric)
    if recipe.refit == "none":
        return chosen
    return training.refitted(data, replace(recipe, model=best.model), chosen, progress)


def _tried(model: Model, data: Prepared, recipe: Recipe, metric: Metric, progress: Progress) -> Candidate:
    alone = replace(recipe, model=model, refit="none")
    try:
        trained = training.train(data, alone, progress)
        predictions = scoring.of_scores(data.task, data.schema, trained.judged, trained.scores)
        scoring.finite_score(metric, predictions)
    except DataError as error:
        return Candidate(model, reason=str(error.problems[0]))
    score = scoring.score_interval(
        metric, predictions, resamples=RESAMPLES, confidence=0.95, seed=child_seed(recipe.seed, "leaderboard")
    )
    progress.say(f"{model.kind}: {metric.kind} {score.value:.4g} ({score.low:.4g} to {score.high:.4g})")
    return Candidate(model, trained, score)


def _ranked(tried: Sequence[Candidate], metric: Metric) -> list[Candidate]:
    """The best first; equal scores keep the order of the portfolio."""
    sign = -1 if metric.direction == "higher" else 1
    scored = [candidate for candidate in tried if candidate.score is not None]
    return sorted(scored, key=lambda candidate: sign * (candidate.score.value if candidate.score else 0.0))


def _chosen(
    data: Prepared, trained: Trained, tried: Sequence[Candidate], ranked: Sequence[Candidate], metric: Metric
) -> Trained:
    """The rows that chose the model are rows that the final graph depends on."""
    rows = [candidate.to_dict(place + 1, metric.kind) for place, candidate in enumerate(ranked)]
    rows += [candidate.to_dict(None, metric.kind) for candidate in tried if candidate not in ranked]
    chosen_by: Mapping[str, str] = {**trained.chosen_by, "candidate": trained.chosen_by["scores"]}
    return replace(trained, leaderboard=rows, chosen_by=chosen_by, fitted_rows=training.fitted_digests(data.pool))
