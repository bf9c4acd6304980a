"""Rows that break the pattern that all others share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.errors import DataError
from modelwright.parts.base import Model
from modelwright.parts.estimators.projections import FittedProjection, enough, main_directions, rank, shares_of

if TYPE_CHECKING:
    from modelwright.parts.samples import FitContext, Fitted, Samples


class PcaReconstruction(Model):
    """Squared distance to the main components of standardized features (the Q statistic of Jackson and Mudholkar 1979).

    Choose it where columns go together, as sensors of one machine do: a row is strange when it breaks what holds
    between them, though each value alone is common. Rows far out along the pattern itself are not strange to it;
    `robust_covariance` and `isolation_forest` see those.
    """

    kind: Literal["pca_reconstruction"] = "pca_reconstruction"
    components: Annotated[int, Field(ge=1, le=1000)] | Annotated[float, Field(gt=0, lt=1)] = Field(
        0.8, description="How many, or the share of the variance that they must hold."
    )

    tasks: ClassVar[frozenset[str]] = frozenset({"anomaly"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot", "scaled"})
    search_space: ClassVar[Mapping[str, Any]] = {"components": {"low": 0.5, "high": 0.99}}

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np

        rows = learn.features
        centre = np.average(rows, axis=0, weights=learn.weights)
        variances, directions = main_directions(rows, learn.weights, centre)
        count, all_there_is = enough(variances, self.components, self.kind, min(rows.shape)), rank(variances)
        if self.components < 1:
            count = min(count, max(all_there_is - 1, 1))
        if count >= all_there_is:
            raise DataError(
                f"pca_reconstruction: {count} components say all that there is in {rows.shape[1]} features",
                where="train.model.components",
                hint="fewer components, or isolation_forest",
            )
        notes = {"components": count, "explained_variance": shares_of(variances, count)}
        return FittedProjection(centre, directions[:, :count], True, notes)


PART = PcaReconstruction
