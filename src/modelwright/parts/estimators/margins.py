"""What models that score rows share, whatever the scores are of: values from one, probabilities through sigmoids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from modelwright.parts.estimators.platt import Sigmoids
from modelwright.parts.one_thread import one_thread

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats


class Scores(Protocol):
    """[N, k] numbers from features, natively and in the graph."""

    def of(self, features: Floats) -> Floats: ...

    def compile(self, graph: GraphBuilder, features: str) -> str: ...


@dataclass(frozen=True)
class LinearScores:
    """`coefficients` [k, F] and `intercepts` [k]."""

    coefficients: Floats
    intercepts: Floats

    def of(self, features: Floats) -> Floats:
        with one_thread():
            scores: Floats = features @ self.coefficients.T + self.intercepts
        return scores

    def compile(self, graph: GraphBuilder, features: str) -> str:
        return graph.op("Add", graph.op("MatMul", features, self.coefficients.T), self.intercepts)


@dataclass(frozen=True)
class FittedScores:
    """A fitted model: probabilities where there are `sigmoids`, else the values that the scores are."""

    scores: Scores
    sigmoids: Sigmoids | None
    notes: Mapping[str, Any]
    importance: Mapping[str, float] | None = None
    curve: Sequence[Mapping[str, float]] = field(default=())

    def predict(self, features: Floats) -> Floats:
        found = self.scores.of(features)
        return found[:, 0] if self.sigmoids is None else self.sigmoids.probabilities(found)

    def compile(self, graph: GraphBuilder, features: str) -> str:
        import numpy as np

        found = self.scores.compile(graph, features)
        return (
            graph.op("Squeeze", found, np.array([1])) if self.sigmoids is None else self.sigmoids.compile(graph, found)
        )

    def save_native(self, folder: Path) -> None:
        """Nothing: it is fitted anew."""
