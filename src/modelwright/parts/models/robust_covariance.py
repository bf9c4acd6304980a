"""Rows far from the bulk of the others."""

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

SMALLEST = 1e-9  # of the largest variance: directions in which the bulk of the rows does not differ


class RobustCovariance(Model):
    """Mahalanobis distance by the minimum covariance determinant (Rousseeuw and Van Driessen 1999; scikit-learn's
    MinCovDet), of standardized features: centre and spread are those of the densest half of the rows, so anomalies do
    not widen what they are measured by.

    Choose it for some ten numeric columns whose rows form one cloud, not several. Features in which the bulk of the
    rows does not differ at all (rare categories) are left out. Weights of rows are not used.
    """

    kind: Literal["robust_covariance"] = "robust_covariance"
    support: float | None = Field(
        None, gt=0, le=1, description="Share of the rows that the spread is of; default: just over half."
    )

    tasks: ClassVar[frozenset[str]] = frozenset({"anomaly"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot", "scaled"})
    search_space: ClassVar[Mapping[str, Any]] = {"support": {"low": 0.5, "high": 1.0}}
    seeded: ClassVar[bool] = True

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import warnings

        import numpy as np
        from sklearn.covariance import MinCovDet

        count, width = learn.features.shape
        if count <= 2 * width:
            raise DataError(
                f"robust_covariance: {count} rows of {width} features; it needs more than twice as many rows",
                where="train.model",
                hint="fewer features, or isolation_forest",
            )
        estimator = MinCovDet(support_fraction=self.support, random_state=context.seed)
        with one_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of columns that go together; directions without spread are left out below
            estimator.fit(learn.features)
        values, vectors = np.linalg.eigh(estimator.covariance_)
        able = values > SMALLEST * values[-1]
        if not able.any():
            said = "robust_covariance: more than half of the rows are the same"
            raise DataError(said, where="train.model", hint="isolation_forest takes them")
        whitening = vectors[:, able] / np.sqrt(values[able])
        notes = {"directions": int(able.sum()), "features": width, "support": float(estimator.support_.mean())}
        return FittedEllipse(estimator.location_, whitening, notes)


@dataclass(frozen=True)
class FittedEllipse:
    centre: Floats
    whitening: Floats  # [F, K]
    notes: Mapping[str, Any]
    curve: Sequence[Mapping[str, float]] = ()
    importance: Mapping[str, float] | None = None

    def predict(self, features: Floats) -> Floats:
        """[N] distances, in standard deviations."""
        import numpy as np

        found: Floats = np.sqrt((((features - self.centre) @ self.whitening) ** 2).sum(axis=1))
        return found

    def compile(self, graph: GraphBuilder, features: str) -> str:
        import numpy as np

        from modelwright.parts.estimators.projections import compile_squares

        white = graph.op("MatMul", graph.op("Sub", features, self.centre), np.ascontiguousarray(self.whitening))
        squares = compile_squares(graph, white, self.whitening.shape[1])
        return graph.op("Sqrt", graph.op("Squeeze", squares, np.array([1])))

    def save_native(self, folder: Path) -> None:
        """Nothing: centre and spread are in the graph."""


PART = RobustCovariance
