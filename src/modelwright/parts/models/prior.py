"""Predicts the same for every row: what any model that learnt something must beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.samples import FitContext, Fitted, Samples

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats


class Prior(Model):
    """The share of each class, or the mean of the target or a quantile of it, whatever the features say. Choose it to
    see what a score is worth; `auto` always tries it. As scikit-learn's DummyClassifier (strategy prior) and
    DummyRegressor.
    """

    kind: Literal["prior"] = "prior"
    quantile: float | None = Field(
        None, gt=0, lt=1, description="Which quantile, in place of the mean; of task quantile, each of its own."
    )

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np

        weights = np.ones(len(learn.target)) if learn.weights is None else learn.weights
        total = float(weights.sum()) or 1.0
        if self.quantile is not None and not context.n_classes:
            answer = np.quantile(learn.target, self.quantile, method="inverted_cdf", weights=weights)
            return FittedPrior(np.array([float(answer)]), values=True)
        if not context.n_classes:
            return FittedPrior(np.array([float((weights * learn.target).sum()) / total]), values=True)
        counts = np.bincount(learn.target.astype(np.int64), weights, minlength=context.n_classes)
        return FittedPrior(counts / total, values=False)


@dataclass(frozen=True)
class FittedPrior:
    answer: Floats  # [K] probabilities, or [1] the mean or quantile
    values: bool
    importance: Mapping[str, float] | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    curve: Sequence[Mapping[str, float]] = ()

    def predict(self, features: Floats) -> Floats:
        import numpy as np

        whole: Floats = np.tile(self.answer, (len(features), 1))
        return whole[:, 0] if self.values else whole

    def compile(self, graph: GraphBuilder, features: str) -> str:
        import numpy as np

        rows = graph.op("Shape", features, start=0, end=1)
        if self.values:
            return graph.op("Expand", self.answer, rows)
        return graph.op("Expand", self.answer[None, :], graph.op("Concat", rows, np.array([1]), axis=0))

    def save_native(self, folder: Path) -> None:
        """Nothing: it is fitted anew in moments."""


PART = Prior
