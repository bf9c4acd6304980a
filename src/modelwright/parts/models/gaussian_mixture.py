"""Clusters as a mixture of normal distributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.errors import DataError
from modelwright.parts.base import Model
from modelwright.parts.estimators.centres import check_clusters
from modelwright.parts.one_thread import one_thread

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import FitContext, Fitted, Floats, Samples


class GaussianMixture(Model):
    """Gaussian mixture fitted by expectation-maximisation (Dempster, Laird and Rubin 1977; scikit-learn's
    GaussianMixture), of standardized features.

    Choose it for groups that are long, slanted or of different width, where `k_means` cuts round pieces. A row belongs
    to the component that most likely made it; `distance_to` is the Mahalanobis distance, in standard deviations of each
    component. Its notes tell the mean log likelihood of learn and validation, and BIC and AIC on learn: of several
    numbers of clusters, the least BIC is the usual choice. Weights of rows are not used.
    """

    kind: Literal["gaussian_mixture"] = "gaussian_mixture"
    clusters: int = Field(8, ge=1, le=500, description="How many components.")
    covariance: Literal["full", "tied", "diag", "spherical"] = Field(
        "full", description="Shape of each: any, the same for all, along the axes, or round."
    )
    starts: int = Field(3, ge=1, le=1000, description="Starts, of which the likeliest is kept.")
    rounds: int = Field(200, ge=1, le=100_000, description="Most rounds of one start.")
    added_variance: float = Field(1e-6, ge=0, le=1, description="Added to each variance, so that none vanishes.")

    tasks: ClassVar[frozenset[str]] = frozenset({"clustering"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot", "scaled"})
    search_space: ClassVar[Mapping[str, Any]] = {
        "clusters": {"low": 2, "high": 20, "type": "int"},
        "covariance": {"choices": ["full", "tied", "diag", "spherical"]},
    }
    seeded: ClassVar[bool] = True

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np
        from sklearn.mixture import GaussianMixture as Estimator

        check_clusters(self.kind, self.clusters, learn.features)
        estimator = Estimator(
            self.clusters,
            covariance_type=self.covariance,
            n_init=self.starts,
            max_iter=self.rounds,
            reg_covar=self.added_variance,
            random_state=context.seed,
        )
        try:
            with one_thread():
                estimator.fit(learn.features)
        except ValueError as error:  # a covariance that can't be inverted
            raise DataError(
                f"gaussian_mixture: {str(error).split('.')[0]}",
                where="train.model",
                hint="fewer clusters, covariance: diag, or a larger added_variance",
            ) from error
        whitening = _whitening(estimator, self.covariance, learn.features.shape[1])
        offsets = np.array([np.log(np.diag(each)).sum() for each in whitening]) + np.log(estimator.weights_)
        notes = {
            "clusters": self.clusters,
            "log_likelihood": float(estimator.score(learn.features)),
            "bic": float(estimator.bic(learn.features)),
            "aic": float(estimator.aic(learn.features)),
            "converged": bool(estimator.converged_),
        }
        if validation is not None and len(validation.features):
            notes["validation_log_likelihood"] = float(estimator.score(validation.features))
        return FittedMixture(estimator.means_, whitening, offsets, notes)


def _whitening(estimator: Any, covariance: str, width: int) -> Floats:
    """[K, F, F] triangular: differences from the mean times this have variance 1."""
    import numpy as np

    found, components = estimator.precisions_cholesky_, len(estimator.means_)
    if covariance == "full":
        return np.asarray(found)
    if covariance == "tied":
        return np.repeat(found[None], components, axis=0)
    if covariance == "diag":
        return np.stack([np.diag(row) for row in found])
    return np.stack([np.eye(width) * value for value in found])


@dataclass(frozen=True)
class FittedMixture:
    means: Floats  # [K, F]
    whitening: Floats  # [K, F, F]
    offsets: Floats  # [K]: log of weight and of the determinant
    notes: Mapping[str, Any]
    curve: Sequence[Mapping[str, float]] = ()
    importance: Mapping[str, float] | None = None

    def predict(self, features: Floats) -> Floats:
        """[N, 1 + K]: the likeliest component, and the Mahalanobis distance to each."""
        import numpy as np

        from modelwright.graph.centres import nearest

        components = zip(self.means, self.whitening, strict=True)
        squared = np.stack([((features @ each - mean @ each) ** 2).sum(axis=1) for mean, each in components], axis=1)
        unlikely = squared - 2 * self.offsets
        return np.column_stack([nearest(unlikely).astype(np.float64), np.sqrt(squared)])

    def compile(self, graph: GraphBuilder, features: str) -> str:
        import numpy as np

        from modelwright.graph.centres import compile_nearest

        ones, columns = np.ones((self.means.shape[1], 1)), []
        for mean, each in zip(self.means, self.whitening, strict=True):
            white = graph.op("Sub", graph.op("MatMul", features, np.ascontiguousarray(each)), mean @ each)
            columns.append(graph.op("MatMul", graph.op("Mul", white, white), ones))
        squared = graph.op("Concat", *columns, axis=1)
        unlikely = graph.op("Sub", squared, 2 * self.offsets)
        return graph.op("Concat", compile_nearest(graph, unlikely), graph.op("Sqrt", squared), axis=1)

    def save_native(self, folder: Path) -> None:
        """Nothing: means and covariances are in the graph."""


PART = GaussianMixture
