"""A skewed target is learnt as its square root or logarithm, and predictions find their way back inside the graph.

The mean of what was transformed is not the transform of the mean, so values that come back are too small on average;
one factor, found out of fold, makes up for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from modelwright.graph import steady
from modelwright.parts.samples import Fitted, Samples

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats

Scale = Literal["raw", "log1p", "sqrt"]
SCALES: tuple[Scale, ...] = ("raw", "log1p", "sqrt")
SKEWED = 0.75  # skewness above which other scales than raw are probed
GREATEST_LOG = 700.0  # exponents beyond it leave float64


def scales_to_probe(target: Floats) -> tuple[Scale, ...]:
    """All where the target is never negative and leans to the right; else only raw."""
    spread = target.std()
    if target.min() < 0 or not spread > 0:
        return ("raw",)
    skewness = float((((target - target.mean()) / spread) ** 3).mean())
    return SCALES if skewness > SKEWED else ("raw",)


def on_scale(samples: Samples, scale: Scale) -> Samples:
    """The same rows, their target transformed."""
    if scale == "raw":
        return samples
    return replace(samples, target=np.log1p(samples.target) if scale == "log1p" else np.sqrt(samples.target))


def back(predictions: Floats, scale: Scale) -> Floats:
    """From the scale that was learnt to the target's own."""
    if scale == "log1p":
        return np.exp(np.clip(predictions, -GREATEST_LOG, GREATEST_LOG)) - 1
    if scale == "sqrt":
        return np.maximum(predictions, 0.0) ** 2
    return predictions


def correction(predictions: Floats, truth: Floats, weights: Floats | None) -> float:
    """The factor that brings predictions nearest to the truth, by least squares."""
    weights = np.ones(len(truth)) if weights is None else weights
    power = float((weights * predictions**2).sum())
    return float((weights * predictions * truth).sum()) / power if power > 0 else 1.0


@dataclass(frozen=True)
class Rescaled:
    """A model of the transformed target that speaks of the target itself."""

    inner: Fitted
    scale: Scale
    factor: float
    lowest: float  # no prediction leaves the range of the target
    highest: float

    @property
    def notes(self) -> Mapping[str, Any]:
        return {**self.inner.notes, "target_learnt_as": self.scale, "factor_on_the_way_back": self.factor}

    @property
    def curve(self) -> Sequence[Mapping[str, float]]:
        return self.inner.curve

    @property
    def importance(self) -> Mapping[str, float] | None:
        return self.inner.importance

    def predict(self, features: Floats) -> Floats:
        return self.returned(self.inner.predict(features))

    def returned(self, predictions: Floats) -> Floats:
        bounded: Floats = np.clip(back(predictions, self.scale) * self.factor, self.lowest, self.highest)
        return bounded

    def compile(self, graph: GraphBuilder, features: str) -> str:
        values = self.inner.compile(graph, features)
        if self.scale == "log1p":
            bounded = graph.op("Clip", values, np.float64(-GREATEST_LOG), np.float64(GREATEST_LOG))
            values = graph.op("Sub", steady.exp(graph, bounded), np.float64(1))
        elif self.scale == "sqrt":
            positive = graph.op("Max", values, np.float64(0))
            values = graph.op("Mul", positive, positive)
        scaled = graph.op("Mul", values, np.float64(self.factor))
        return graph.op("Clip", scaled, np.float64(self.lowest), np.float64(self.highest))

    def save_native(self, folder: Path) -> None:
        self.inner.save_native(folder)
