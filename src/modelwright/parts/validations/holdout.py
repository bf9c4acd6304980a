"""Looks at the split's own validation rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from modelwright.parts.base import Validation

if TYPE_CHECKING:
    from modelwright.parts.folding import Fold, FoldRows


class Holdout(Validation):
    """Fits on learn, looks at validation: one fit, and the rows that the split set aside for it.

    Choose it for many rows, and where the split itself says best what new rows will be like.
    """

    kind: Literal["holdout"] = "holdout"

    scored: ClassVar[str] = "validation"

    def divide(self, rows: FoldRows, seed: int) -> list[Fold] | None:
        return None


PART = Holdout
