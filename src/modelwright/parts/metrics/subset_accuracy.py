"""Subset accuracy: how many rows have all labels right."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from modelwright.parts.base import Metric

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


class SubsetAccuracy(Metric):
    """Share of the rows whose labels are all right; the strictest of the multilabel metrics."""

    kind: Literal["subset_accuracy"] = "subset_accuracy"

    needs: ClassVar[Literal["label"]] = "label"
    direction: ClassVar[Literal["higher"]] = "higher"
    tasks: ClassVar[frozenset[str]] = frozenset({"multilabel"})
    whole: ClassVar[bool] = True

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        right = (truth == predicted).all(axis=1)
        found: Floats = (weights @ right) / weights.sum(axis=1)
        return found


PART = SubsetAccuracy
