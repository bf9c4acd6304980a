"""Share of rows whose label is predicted right. Choose it when classes are balanced and errors cost the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from modelwright.parts.base import Metric

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


class Accuracy(Metric):
    """Share of labels predicted right, 0 to 1."""

    kind: Literal["accuracy"] = "accuracy"

    needs: ClassVar[Literal["label"]] = "label"
    direction: ClassVar[Literal["higher"]] = "higher"
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "multilabel", "ordinal"})

    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        return (weights @ (truth == predicted)) / weights.sum(axis=1)


PART = Accuracy
