"""What the components leave unsaid, per value."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from modelwright.parts.base import Metric

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


class ReconstructionError(Metric):
    """Mean squared error of the reconstruction, over rows and features as the model sees them."""

    kind: Literal["reconstruction_error"] = "reconstruction_error"

    needs: ClassVar[Literal["value"]] = "value"
    direction: ClassVar[Literal["lower"]] = "lower"
    tasks: ClassVar[frozenset[str]] = frozenset({"dimension_reduction"})

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        found: Floats = (weights @ predicted) / weights.sum(axis=1) / truth.shape[1]
        return found


PART = ReconstructionError
