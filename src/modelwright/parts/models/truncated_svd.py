"""Components of columns that are mostly zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.estimators.projections import FittedProjection, enough, main_directions, shares_of

if TYPE_CHECKING:
    from modelwright.parts.samples import FitContext, Fitted, Samples


class TruncatedSvd(Model):
    """Truncated singular value decomposition (scikit-learn's TruncatedSVD), of features as they are: neither centred
    nor scaled. Of tf-idf it is latent semantic analysis (Deerwester and others 1990).

    Choose it over `pca` for words and counts, where 0 means that there is nothing: rows with nothing in common stay at
    right angles. Scale other numbers first ({kind: standardize}), or those with large values are all that it sees.
    """

    kind: Literal["truncated_svd"] = "truncated_svd"
    components: int = Field(2, ge=1, le=1000, description="How many.")

    tasks: ClassVar[frozenset[str]] = frozenset({"dimension_reduction"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot"})
    search_space: ClassVar[Mapping[str, Any]] = {"components": {"low": 1, "high": 20, "type": "int"}}

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np

        nothing = np.zeros(learn.features.shape[1])
        squares, directions = main_directions(learn.features, learn.weights, nothing)
        count = enough(squares, self.components, self.kind, min(learn.features.shape))
        notes = {"components": count, "share_of_squares": shares_of(squares, count)}
        return FittedProjection(nothing, directions[:, :count], False, notes)


PART = TruncatedSvd
