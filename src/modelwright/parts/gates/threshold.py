"""A metric must reach a stated value. Choose it for the minimum that makes a model worth shipping at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from modelwright.parts.base import Gate
from modelwright.parts.evidence import Evidence, Verdict


class Threshold(Gate):
    """Passes when the metric on test is at least `min` and at most `max`."""

    kind: Literal["threshold"] = "threshold"
    metric: str = Field(description="Metric to look at.")
    min: float | None = Field(None, description="Smallest value that passes.")
    max: float | None = Field(None, description="Largest value that passes.")
    bound: Literal["value", "interval"] = Field(
        "value", description="Compare the score itself, or the worse end of its confidence interval."
    )

    example: ClassVar[Mapping[str, Any]] = {"metric": "rmse", "max": 6.0}

    @model_validator(mode="after")
    def _has_a_bound(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        return self

    def decide(self, evidence: Evidence) -> Verdict:
        found = evidence.interval(self.metric)
        lowest, highest = (found.value, found.value) if self.bound == "value" else (found.low, found.high)
        enough = self.min is None or lowest >= self.min
        small = self.max is None or highest <= self.max
        bounds = [f"{sign} {value:g}" for sign, value in (("≥", self.min), ("≤", self.max)) if value is not None]
        message = (
            f"{self.metric} {found.value:.6g} ({found.low:.6g} to {found.high:.6g}, {found.rows} rows), "
            f"wanted {' and '.join(bounds)}"
        )
        return Verdict("passed" if enough and small else "failed", message)


PART = Threshold
