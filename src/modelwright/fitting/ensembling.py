"""Weighted means of models: which weights, whether they are worth it, and the mean as one fitted model.

Caruana, Niculescu-Mizil, Crew and Ksikes, Ensemble Selection from Libraries of Models (ICML 2004): models are added one
at a time, with replacement, whichever lowers the loss most. Weights stay coarse, so a few thousand rows can't be
overfitted much.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.fitting import scoring
from modelwright.parts.base import Metric
from modelwright.parts.bootstrap import resample
from modelwright.parts.one_thread import one_thread
from modelwright.parts.predictions import Predictions
from modelwright.parts.samples import Fitted

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats

STEPS = 40
MOST_ROWS = 200_000  # that weights are chosen by; more would only take longer
DRAWN_CELLS = 20_000_000  # resamples × rows of a comparison
FEWEST_RESAMPLES, MOST_RESAMPLES = 40, 200

# From what decides a row's loss [N] (the probability of its true class, or its value) to that loss [N].
RowLosses = Callable[["Floats"], "Floats"]


def greedy_weights(shown: Sequence[Floats], losses: RowLosses, weights: Floats) -> list[float]:
    """A weight for each of `shown` [M][N], summing to 1; 0 for those that don't help."""
    total = np.zeros_like(shown[0])
    times = np.zeros(len(shown), np.int64)
    best, best_times = np.inf, times
    for step in range(1, STEPS + 1):
        means = [float(weights @ losses((total + one) / step)) for one in shown]
        chosen = int(np.argmin(means))
        total = total + shown[chosen]
        times = times.copy()
        times[chosen] += 1
        if means[chosen] < best:
            best, best_times = means[chosen], times
    return [float(count) / int(best_times.sum()) for count in best_times]


def resamples_for(rows: int) -> int:
    """As many as there is time for: an interval of a score needs no more, one over many rows needs fewer."""
    return int(np.clip(DRAWN_CELLS // max(rows, 1), FEWEST_RESAMPLES, MOST_RESAMPLES))


def advantage(metric: Metric, rival: Predictions, usual: Predictions, seed: int) -> tuple[float, float]:
    """By how much `rival` is better, and that difference's standard error: both see the same drawn rows."""
    sign = 1.0 if metric.direction == "higher" else -1.0
    scores = [scoring.score_function(metric, predictions) for predictions in (rival, usual)]
    base = np.ones(len(usual)) if usual.weights is None else usual.weights

    def difference(weights: Floats) -> Floats:
        return sign * (scores[0](weights) - scores[1](weights))

    with one_thread():
        found = float(difference(base[None, :])[0])
        chunks = resample(len(usual), usual.groups, resamples_for(len(usual)), seed)
        drawn = np.concatenate([difference(chunk * base) for chunk in chunks])
    drawn = drawn[np.isfinite(drawn)]
    return found, float(drawn.std()) if len(drawn) > 1 else float("inf")


@dataclass(frozen=True)
class Ensemble:
    """The mean of its members' probabilities or values, by weights that sum to 1."""

    members: tuple[Fitted, ...]
    weights: tuple[float, ...]
    notes: Mapping[str, Any] = field(default_factory=dict)
    curve: Sequence[Mapping[str, float]] = ()

    @property
    def importance(self) -> Mapping[str, float] | None:
        """The members' shares by their weights; of those that have any."""
        known = [(one.importance, share) for one, share in zip(self.members, self.weights, strict=True)]
        shares = [(found, share) for found, share in known if found is not None]
        whole = sum(share for _, share in shares)
        if not shares:
            return None
        return {name: sum(found[name] * share for found, share in shares) / whole for name in shares[0][0]}

    def predict(self, features: Floats) -> Floats:
        return weighted_mean([member.predict(features) for member in self.members], self.weights)

    def compile(self, graph: GraphBuilder, features: str) -> str:
        total = ""
        for member, share in zip(self.members, self.weights, strict=True):
            part = graph.op("Mul", member.compile(graph, features), np.float64(share))
            total = graph.op("Add", total, part) if total else part
        return total

    def save_native(self, folder: Path) -> None:
        for number, member in enumerate(self.members):
            member.save_native(folder / f"member_{number}")


def weighted_mean(predictions: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """In the order of the members, so that the last bit is that of the graph."""
    total = predictions[0] * weights[0]
    for one, share in zip(predictions[1:], weights[1:], strict=True):
        total = total + one * share
    return total
