"""Uncorrelated components by falling variance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.estimators.projections import FittedProjection, enough, main_directions, shares_of

if TYPE_CHECKING:
    from modelwright.parts.samples import FitContext, Fitted, Samples


class Pca(Model):
    """Principal component analysis (Pearson 1901; scikit-learn's PCA), of standardized features.

    Choose it first: its components are the fewest numbers that keep the most variance, and each is a plain sum of
    features. The feature step of the same name does this on the way to a prediction. Its notes tell the share of the
    variance of learn that each component holds.
    """

    kind: Literal["pca"] = "pca"
    components: Annotated[int, Field(ge=1, le=1000)] | Annotated[float, Field(gt=0, lt=1)] = Field(
        2, description="How many, or the share of the variance that they must hold, such as 0.95."
    )

    tasks: ClassVar[frozenset[str]] = frozenset({"dimension_reduction"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot", "scaled"})
    search_space: ClassVar[Mapping[str, Any]] = {"components": {"low": 1, "high": 20, "type": "int"}}

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np

        rows = learn.features
        centre = np.average(rows, axis=0, weights=learn.weights)
        variances, directions = main_directions(rows, learn.weights, centre)
        count = enough(variances, self.components, self.kind, min(rows.shape))
        notes = {"components": count, "explained_variance": shares_of(variances, count)}
        return FittedProjection(centre, directions[:, :count], False, notes)


PART = Pca
