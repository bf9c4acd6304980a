"""Folds that all have the same mix."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Validation
from modelwright.parts.rows import named

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modelwright.parts.folding import Fold, FoldRows


class Stratified(Validation):
    """Folds by hash within each value of the target (of a number: within each of `bins` ranges), or of a column.

    Every fold has its share of each to within one row. Choose it for a number with a long tail, or to keep the mix of a
    column that matters. As scikit-learn's StratifiedKFold; rows of one group stay together, and then shares are about
    even only.
    """

    kind: Literal["stratified"] = "stratified"
    folds: int = Field(5, ge=2, le=20, description="How many folds.")
    column: str | None = Field(None, description="Column whose mix is kept; default: the target.")
    bins: int = Field(10, ge=2, le=100, description="Ranges of a number, of equally many rows each.")

    at_random: ClassVar[bool] = True

    def divide(self, rows: FoldRows, seed: int) -> list[Fold]:
        from modelwright.parts.folding import evenly, held_in_turn

        return held_in_turn(evenly(rows.keys(), self.folds, seed, self._strata(rows)))

    def _strata(self, rows: FoldRows) -> NDArray[np.float64]:
        import numpy as np

        from modelwright.parts.folding import codes

        if self.column is None and rows.classes is not None:
            return rows.classes
        name = self.column or rows.target_name
        found = named([name], rows.schema.columns, "validation.column")[0]
        if found.type not in ("number", "integer"):
            return codes(rows.table.column(name)).astype(np.float64)
        values = rows.numbers(name)
        known = values[~np.isnan(values)]
        edges = np.quantile(known, np.arange(1, self.bins) / self.bins) if len(known) else np.zeros(0)
        places = np.searchsorted(edges, values, side="right").astype(np.float64)
        return np.where(np.isnan(values), float(self.bins), places)  # missing ones are a range of their own


PART = Stratified
