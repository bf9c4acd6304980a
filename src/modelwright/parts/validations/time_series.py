"""Predicts each stretch of time from what came before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from modelwright.core.errors import DataError, SpecError
from modelwright.core.units import parse_duration_s
from modelwright.parts.base import Validation
from modelwright.parts.rows import named, of_types

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from modelwright.parts.folding import Fold, FoldRows


class TimeSeries(Validation):
    """Learn and validation together, in order of time: each fold is a stretch, predicted by all rows before it.

    Choose it wherever the model will predict the future. The earliest stretch is never predicted, so scores are of the
    later rows. Rows of one moment stay together. As scikit-learn's TimeSeriesSplit, whose `gap` counts rows. Feature
    steps are fitted inside each fold again, for what they learn of later rows is of the future, too.
    """

    kind: Literal["time_series"] = "time_series"
    folds: int = Field(5, ge=2, le=20, description="How many stretches are predicted.")
    column: str | None = Field(None, description="A timestamp, or a number such as a year; default: that of role time.")
    gap: str | float = Field(
        0.0, description="What is left out before each stretch: a duration such as 7d, or so much of a number."
    )
    strict: bool = Field(True, description="Fit the feature steps inside each fold again.")

    scored: ClassVar[str] = "out of fold, learn and validation but their earliest rows"

    @field_validator("gap")
    @classmethod
    def _is_a_distance(cls, gap: str | float) -> str | float:
        if (parse_duration_s(gap) if isinstance(gap, str) else gap) < 0:
            raise ValueError("must not be negative")
        return gap

    def divide(self, rows: FoldRows, seed: int) -> list[Fold]:
        import numpy as np

        from modelwright.parts.folding import Fold

        times, gap = self._times(rows)
        ordered = np.sort(times)
        size = len(ordered) // (self.folds + 1)
        if size == 0:
            raise DataError(f"{len(ordered)} rows can't be split into {self.folds} stretches after a first one")
        starts = [ordered[len(ordered) - size * back] for back in range(self.folds, 0, -1)]
        divided = []
        for start, end in zip(starts, [*starts[1:], None], strict=True):
            held = times >= start if end is None else (times >= start) & (times < end)
            before = times < start - gap
            if not held.any() or not before.any():
                raise DataError(
                    f"{self.folds} stretches are too many for {len(np.unique(ordered))} moments and this gap",
                    hint="fewer folds, or a smaller gap",
                )
            divided.append(Fold(before, held))
        return divided

    def _times(self, rows: FoldRows) -> tuple[NDArray[Any], Any]:
        """[N] and the gap, both in microseconds or both numbers."""
        import numpy as np

        name = self.column or next((column.name for column in rows.schema.of_role("time")), None)
        if name is None:
            hint = "name a column, or give one the role time"
            raise SpecError("time_series: in the order of which time?", where="validation.column", hint=hint)
        found = named([name], rows.schema.columns, "validation.column")[0]
        of_types([found], ("timestamp", "number", "integer"), "validation.column")
        unknown = rows.table.column(name).null_count
        if unknown:
            raise DataError(
                f'{unknown:,} rows have no "{name}", so no place in time', hint=f"drop_rows where: isnull(`{name}`)"
            )
        is_time = found.type == "timestamp"
        if is_time is not isinstance(self.gap, str) and self.gap != 0:
            raise SpecError(
                f'"{name}" is of type {found.type}, and gap is {self.gap!r}',
                where="validation.gap",
                hint="a duration such as 7d for a timestamp, a number for a number",
            )
        if not is_time:
            return rows.numbers(name), np.float64(self.gap)
        return rows.micros(name), np.int64(parse_duration_s(self.gap) * 1e6) if isinstance(self.gap, str) else 0


PART = TimeSeries
