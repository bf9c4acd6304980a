"""Maps from the probabilities that a model says to those that hold: in numpy and, the same, as nodes of the graph.

Sigmoid: Platt (1999) on log odds, fitted as in `parts.platt`. Isotonic: Zadrozny and Elkan, Transforming Classifier
Scores into Accurate Multiclass Probability Estimates (KDD 2002); the twin is scikit-learn's IsotonicRegression.
Temperature: see `fitting.calibration`. With more than two classes, sigmoid and isotonic map each class against all
others, and divide by the sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from modelwright.fitting.calibration import SMALLEST, best_temperature, compile_tempered, tempered
from modelwright.graph import steady
from modelwright.graph.intervals import intervals
from modelwright.parts.estimators.platt import Sigmoids, fitted_sigmoid

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats

Kind = Literal["temperature", "sigmoid", "isotonic"]
KINDS: tuple[Kind, ...] = ("temperature", "sigmoid", "isotonic")  # from the one that changes least
BOLDEST, MOST_CAUTIOUS = 0.05, 20.0  # temperatures: naive Bayes may be bold beyond reason
# Scores are rounded to so many digits before steps are fitted, so that no step is steeper than 1e5: what the graph
# computes differs from the native model by 1e-15, and a steeper one would make that visible.
DIGITS = 5


class Calibrator(Protocol):
    @property
    def kind(self) -> str: ...

    @property
    def notes(self) -> Mapping[str, Any]:
        """What was fitted, for model.json."""

    def apply(self, probabilities: Floats) -> Floats:
        """[N, K] to [N, K]"""

    def compile(self, graph: GraphBuilder, probabilities: str) -> str: ...


def fit_calibrator(kind: Kind, probabilities: Floats, truth: Floats, weights: Floats) -> Calibrator:
    """From probabilities [N, K] of rows that the model was not fitted on, and their class codes [N]."""
    classes = probabilities.shape[1]
    if kind == "temperature":
        found = best_temperature(probabilities, truth, weights, boldest=BOLDEST, most_cautious=MOST_CAUTIOUS)
        return Temperature(found, classes)
    codes = [1] if classes == 2 else list(range(classes))
    if kind == "sigmoid":
        odds = log_odds(probabilities)
        fitted = [fitted_sigmoid(odds[:, at], truth == code, weights) for at, code in enumerate(codes)]
        return Sigmoid(Sigmoids(np.array([one for one, _ in fitted]), np.array([one for _, one in fitted])), classes)
    return Isotonic(tuple(_steps(probabilities[:, code], truth == code, weights) for code in codes), classes)


@dataclass(frozen=True)
class Temperature:
    """All logarithms of probabilities divided by one number."""

    value: float
    classes: int
    kind: Kind = "temperature"

    @property
    def notes(self) -> Mapping[str, Any]:
        return {"temperature": self.value}

    def apply(self, probabilities: Floats) -> Floats:
        return tempered(probabilities, self.value)

    def compile(self, graph: GraphBuilder, probabilities: str) -> str:
        return compile_tempered(graph, probabilities, self.value, self.classes)


@dataclass(frozen=True)
class Sigmoid:
    """Log odds, stretched and moved."""

    sigmoids: Sigmoids
    classes: int
    kind: Kind = "sigmoid"

    @property
    def notes(self) -> Mapping[str, Any]:
        return {"slopes": self.sigmoids.slopes.tolist(), "offsets": self.sigmoids.offsets.tolist()}

    def apply(self, probabilities: Floats) -> Floats:
        return self.sigmoids.probabilities(log_odds(probabilities))

    def compile(self, graph: GraphBuilder, probabilities: str) -> str:
        def logs(tensor: str) -> str:
            bounded = graph.op("Clip", tensor, np.float64(SMALLEST), np.float64(1))
            return steady.log_matrix(graph, bounded, self.classes)

        if self.classes == 2:
            both = logs(probabilities)
            first, second = (graph.op("Gather", both, np.array([code]), axis=1) for code in (0, 1))
            return self.sigmoids.compile(graph, graph.op("Sub", second, first))
        others = graph.op("Sub", np.float64(1), probabilities)
        return self.sigmoids.compile(graph, graph.op("Sub", logs(probabilities), logs(others)))


@dataclass(frozen=True)
class Steps:
    """A rising line through the points (`scores`, `shares`), level beyond the outermost."""

    scores: Floats
    shares: Floats


@dataclass(frozen=True)
class Isotonic:
    """A rising line for the second of two classes, or one for each class."""

    steps: tuple[Steps, ...]
    classes: int
    kind: Kind = "isotonic"

    @property
    def notes(self) -> Mapping[str, Any]:
        return {"points": [len(one.scores) for one in self.steps]}

    def apply(self, probabilities: Floats) -> Floats:
        columns = probabilities[:, 1:] if self.classes == 2 else probabilities
        found = np.stack([_interpolated(columns[:, at], one) for at, one in enumerate(self.steps)], axis=1)
        if self.classes == 2:
            return np.concatenate([1 - found, found], axis=1)
        shares: Floats = found / found.sum(axis=1, keepdims=True)
        return shares

    def compile(self, graph: GraphBuilder, probabilities: str) -> str:
        columns = graph.op("Gather", probabilities, np.array([1]), axis=1) if self.classes == 2 else probabilities
        lines = [_lines(one) for one in self.steps]
        lowest = np.array([[line.start[0] for line in lines]])
        highest = np.array([[one.scores[-1] for one in self.steps]])
        bounded = graph.op("Min", graph.op("Max", columns, lowest), highest)
        starts = np.cumsum([0, *(len(line.start) for line in lines)])[:-1]
        place = intervals(graph, bounded, [line.start[1:] for line in lines], starts.tolist())
        start, base, slope = (
            graph.op("Gather", np.concatenate([getattr(line, name) for line in lines]), place, axis=0)
            for name in ("start", "base", "slope")
        )
        found = graph.op("Add", graph.op("Mul", slope, graph.op("Sub", bounded, start)), base)
        if self.classes == 2:
            return graph.op("Concat", graph.op("Sub", np.float64(1), found), found, axis=1)
        return graph.op("Div", found, graph.op("MatMul", found, np.ones((self.classes, 1))))


@dataclass(frozen=True)
class Lines:
    """The pieces of `Steps`: from `start` on, `base` and how fast it rises."""

    start: Floats
    base: Floats
    slope: Floats


def log_odds(probabilities: Floats) -> Floats:
    """[N, 1] of the second of two classes, else [N, K] of each against all others."""
    if probabilities.shape[1] == 2:
        logs = np.log(np.clip(probabilities, SMALLEST, 1.0))
        return logs[:, 1:] - logs[:, :1]
    own, others = (np.log(np.clip(part, SMALLEST, 1.0)) for part in (probabilities, 1 - probabilities))
    found: Floats = own - others
    return found


def _steps(scores: Floats, happened: Any, weights: Floats) -> Steps:
    """As scikit-learn fits them, but never quite 0 or 1: n rows can't say that something never happens."""
    from sklearn.isotonic import IsotonicRegression

    never = 1 / (len(scores) + 2)
    line = IsotonicRegression(y_min=never, y_max=1 - never, increasing=True)
    line.fit(np.round(scores, DIGITS), happened.astype(np.float64), sample_weight=weights)
    return Steps(line.X_thresholds_.astype(np.float64), line.y_thresholds_.astype(np.float64))


def _lines(steps: Steps) -> Lines:
    if len(steps.scores) == 1:
        return Lines(steps.scores, steps.shares, np.zeros(1))
    slope = np.diff(steps.shares) / np.diff(steps.scores)
    return Lines(steps.scores[:-1], steps.shares[:-1], slope)


def _interpolated(scores: Floats, steps: Steps) -> Floats:
    lines = _lines(steps)
    bounded = np.clip(scores, steps.scores[0], steps.scores[-1])
    place = np.searchsorted(lines.start[1:], bounded, side="right")
    found: Floats = lines.slope[place] * (bounded - lines.start[place]) + lines.base[place]
    return found
