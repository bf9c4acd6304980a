"""Rows as sums of parts, nothing subtracted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.errors import DataError
from modelwright.parts.base import Model
from modelwright.parts.one_thread import one_thread

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import FitContext, Fitted, Floats, Samples

SMALLEST = 1e-12  # what is divided by


class Nmf(Model):
    """Non-negative matrix factorisation (Lee and Seung 1999; scikit-learn's NMF), of features as they are.

    Choose it for amounts and counts, such as baskets, words or spectra, whose parts add up: each component is a pattern
    that can be read, and a row is so much of each. Nothing may be negative: learn is refused, and negative values of
    new rows count as 0. A row's components are found by `rounds` rounds of multiplicative updates, of learn as of new
    rows, so they are near the best ones rather than the best to the last digit.
    """

    kind: Literal["nmf"] = "nmf"
    components: int = Field(2, ge=1, le=500, description="How many.")
    rounds: int = Field(200, ge=1, le=5000, description="Rounds that a row's components are found in.")

    tasks: ClassVar[frozenset[str]] = frozenset({"dimension_reduction"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot"})
    search_space: ClassVar[Mapping[str, Any]] = {"components": {"low": 1, "high": 20, "type": "int"}}
    seeded: ClassVar[bool] = True

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import warnings

        import numpy as np
        from sklearn.decomposition import NMF

        rows = learn.features
        negative = np.flatnonzero((rows < 0).any(axis=0))
        if len(negative):
            names = ", ".join(context.features[at].name for at in negative[:5])
            raise DataError(
                f"nmf: negative values in the features {names}",
                where="train.model",
                hint="pca takes any numbers; or scale to 0 and above: {kind: min_max}",
            )
        if self.components > min(rows.shape):
            raise DataError(
                f"nmf: {self.components} components of {rows.shape[1]} features and {len(rows)} rows",
                where="train.model.components",
                hint=f"at most {min(rows.shape)}",
            )
        estimator = NMF(self.components, init="nndsvda", random_state=context.seed, max_iter=500)
        with one_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it could go on
            estimator.fit(rows)
        parts = np.maximum(estimator.components_, 0.0)
        start = float(np.sqrt(rows.mean() / self.components)) or 1.0
        return FittedParts(parts, start, self.rounds, {"components": self.components, "fit_rounds": estimator.n_iter_})


@dataclass(frozen=True)
class FittedParts:
    parts: Floats  # [K, F]
    start: float
    rounds: int
    notes: Mapping[str, Any]
    curve: Sequence[Mapping[str, float]] = ()
    importance: Mapping[str, float] | None = None

    def predict(self, features: Floats) -> Floats:
        """[N, 1 + K]: the squared error of the reconstruction, then how much of each part."""
        import numpy as np

        amounts, crossed = np.maximum(features, 0.0) @ self.parts.T, self.parts @ self.parts.T
        found = np.full(amounts.shape, self.start)
        with one_thread():
            for _ in range(self.rounds):
                found = found * (amounts / (found @ crossed + SMALLEST))
        errors = ((features - found @ self.parts) ** 2).sum(axis=1)
        return np.column_stack([errors, found])

    def compile(self, graph: GraphBuilder, features: str) -> str:
        import numpy as np

        from modelwright.parts.estimators.projections import compile_squares

        parts, crossed = np.ascontiguousarray(self.parts), self.parts @ self.parts.T
        amounts = graph.op("MatMul", graph.op("Max", features, np.float64(0)), np.ascontiguousarray(self.parts.T))
        found = graph.op("Add", graph.op("Mul", amounts, np.float64(0)), np.float64(self.start))
        for _ in range(self.rounds):
            divisor = graph.op("Add", graph.op("MatMul", found, crossed), np.float64(SMALLEST))
            found = graph.op("Mul", found, graph.op("Div", amounts, divisor))
        left = graph.op("Sub", features, graph.op("MatMul", found, parts))
        return graph.op("Concat", compile_squares(graph, left, parts.shape[1]), found, axis=1)

    def save_native(self, folder: Path) -> None:
        """Nothing: the parts are in the graph."""


PART = Nmf
