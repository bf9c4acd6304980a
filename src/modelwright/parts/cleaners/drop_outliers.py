"""Removes rows of learn that lie far from the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from modelwright.core.columns import NUMERIC, Column
from modelwright.parts.base import Cleaner
from modelwright.parts.outlying import deviations, drop_isolated, fences, learn, outside
from modelwright.parts.rows import delete, of_types, selected
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine

FACTORS = {"iqr": 1.5, "z_score": 3.0}  # Tukey's fences; three standard deviations


class DropOutliers(Cleaner):
    """Drops rows of learn with unusual numbers; validation and test keep theirs, as the world does.

    - `iqr`: a value more than `factor` (1.5) interquartile ranges outside the quartiles (Tukey, 1977). Where the
      quartiles are equal nothing is said of the column. Skewed columns want a larger factor.
    - `z_score`: more than `factor` (3) standard deviations from the mean; for columns that are about normal. Outliers
      widen the very deviation that they are measured by.
    - `isolation_forest`: the share `contamination` of rows that random cuts isolate soonest (Liu, Ting, Zhou, 2008;
      scikit-learn's IsolationForest); sees rows that are odd only as a combination. A missing value is the median.

    Bounds are those of learn, so it runs after the split whatever its place in `clean`. A missing value is no outlier.
    Choose it for errors that no rule names. What can be said as a rule is better dropped from all rows by drop_rows;
    to keep the rows but tame the values, see the feature steps winsorize and clip.
    """

    kind: Literal["drop_outliers"] = "drop_outliers"
    columns: Selector = Field("numeric", description="Columns of numbers: names, globs or kinds of column.")
    method: Literal["iqr", "z_score", "isolation_forest"] = Field("iqr", description="How far is too far.")
    factor: float | None = Field(
        None, gt=0, le=1000, description="Interquartile ranges (default 1.5) or standard deviations (default 3)."
    )
    contamination: float = Field(0.01, gt=0, le=0.5, description="Share of learn that isolation_forest removes.")
    trees: int = Field(100, ge=1, le=1000, description="Trees of isolation_forest.")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Of isolation_forest's random cuts.")

    row_wise: ClassVar[bool] = False
    after_split: ClassVar[bool] = True
    example: ClassVar[Mapping[str, Any]] = {"method": "iqr"}

    @model_validator(mode="after")
    def _of_its_method(self) -> DropOutliers:
        given = self.model_fields_set
        forest = self.method == "isolation_forest"
        for name in ("factor",) if forest else ("contamination", "trees", "seed"):
            if name in given and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"`{name}` says nothing to the method {self.method}")
        return self

    def apply(self, engine: Engine, table: str, columns: Sequence[Column]) -> list[Column]:
        chosen = selected(self.columns, columns, "drop_outliers.columns")
        of_types(chosen, sorted(NUMERIC), "drop_outliers.columns")
        names = [column.name for column in chosen if column.type != "boolean"]
        if not names:
            return list(columns)
        if self.method == "isolation_forest":
            drop_isolated(engine, table, names, self.contamination, self.trees, self.seed)
            return list(columns)
        bounds = fences if self.method == "iqr" else deviations
        factor = self.factor or FACTORS[self.method]
        tests = [outside(name, bounds(engine, table, name, factor)) for name in names]
        delete(engine, table, f"{learn()} AND ({' OR '.join(tests)})")
        return list(columns)


PART = DropOutliers
