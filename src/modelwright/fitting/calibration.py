"""Temperature: one number that makes all probabilities bolder or more cautious, where that helps out of fold.

Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks (ICML 2017). It never changes which class is
the most probable one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.graph import steady
from modelwright.parts.samples import Fitted

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats

SMALLEST = 1e-12  # a probability of 0 has no logarithm
BOLDEST, MOST_CAUTIOUS = 0.5, 2.0
STEPS = 40  # of the golden section: its width shrinks by 0.618 each time


def tempered(probabilities: Floats, temperature: float) -> Floats:
    """Rows of [N, K] to the power of 1 / temperature, summing to 1 again."""
    logs = np.log(np.clip(probabilities, SMALLEST, 1.0)) / temperature
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    found: Floats = powers / powers.sum(axis=1, keepdims=True)
    return found


def compile_tempered(graph: GraphBuilder, probabilities: str, temperature: float, n_classes: int) -> str:
    """`tempered` as nodes."""
    bounded = graph.op("Clip", probabilities, np.float64(SMALLEST), np.float64(1))
    logs = graph.op("Div", steady.log_matrix(graph, bounded, n_classes), np.float64(temperature))
    return steady.softmax(graph, logs, n_classes)


def best_temperature(
    probabilities: Floats,
    truth: Floats,
    weights: Floats,
    *,
    boldest: float = BOLDEST,
    most_cautious: float = MOST_CAUTIOUS,
) -> float:
    """Of least weighted log loss, by golden section: the loss is convex in 1 / temperature."""

    def loss(inverse: float) -> float:
        return float(weights @ row_losses(tempered(probabilities, 1 / inverse), truth))

    low, high = 1 / most_cautious, 1 / boldest
    ratio = (5**0.5 - 1) / 2
    for _ in range(STEPS):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if loss(left) <= loss(right):
            high = right
        else:
            low = left
    return 2 / (low + high)


def row_losses(probabilities: Floats, truth: Floats) -> Floats:
    """[N] negative log of the probability that the true class got."""
    given = probabilities[np.arange(len(truth)), truth.astype(np.int64)]
    losses: Floats = -np.log(np.clip(given, 1e-15, 1.0))
    return losses


@dataclass(frozen=True)
class Tempered:
    """A model whose probabilities are tempered."""

    inner: Fitted
    temperature: float
    n_classes: int

    @property
    def notes(self) -> Mapping[str, Any]:
        return {**self.inner.notes, "temperature": self.temperature}

    @property
    def curve(self) -> Sequence[Mapping[str, float]]:
        return self.inner.curve

    @property
    def importance(self) -> Mapping[str, float] | None:
        return self.inner.importance

    def predict(self, features: Floats) -> Floats:
        return tempered(self.inner.predict(features), self.temperature)

    def compile(self, graph: GraphBuilder, features: str) -> str:
        return compile_tempered(graph, self.inner.compile(graph, features), self.temperature, self.n_classes)

    def save_native(self, folder: Path) -> None:
        self.inner.save_native(folder)
