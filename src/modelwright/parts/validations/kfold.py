"""Predicts each fold of the rows by a model of all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Validation

if TYPE_CHECKING:
    from modelwright.parts.folding import Fold, FoldRows


class KFold(Validation):
    """Learn and validation together, in folds by hash; repeated rows and rows of one group stay together.

    Choose it for a few thousand rows or less: every row is predicted, by a model that has seen most others. The classes
    of the target are spread over the folds. Rows with an order in time want `time_series`. As scikit-learn's KFold, or
    GroupKFold where the split has groups.
    """

    kind: Literal["kfold"] = "kfold"
    folds: int = Field(5, ge=2, le=20, description="How many folds.")

    at_random: ClassVar[bool] = True

    def divide(self, rows: FoldRows, seed: int) -> list[Fold]:
        from modelwright.parts.folding import evenly, held_in_turn

        return held_in_turn(evenly(rows.keys(), self.folds, seed, rows.classes))


PART = KFold
