"""Folds that never tear a group apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Validation
from modelwright.parts.rows import named

if TYPE_CHECKING:
    from modelwright.parts.folding import Fold, FoldRows


class Group(Validation):
    """Learn and validation together, in folds of whole groups: equally many groups each, chosen by hash.

    Choose it where several rows tell of one person, machine or place and new rows will be of others; a row without a
    group is one of its own. `kfold` does the same by itself for the split's group and the column of role entity. As
    scikit-learn's GroupKFold.
    """

    kind: Literal["group"] = "group"
    group: str = Field(min_length=1, description="Column whose equal values stay together.")
    folds: int = Field(5, ge=2, le=20, description="How many folds.")

    at_random: ClassVar[bool] = True
    example: ClassVar[Mapping[str, Any]] = {"group": "patient"}

    def divide(self, rows: FoldRows, seed: int) -> list[Fold]:
        from modelwright.parts.folding import evenly, held_in_turn

        named([self.group], rows.schema.columns, "validation.group")
        return held_in_turn(evenly(rows.keys(self.group), self.folds, seed))


PART = Group
