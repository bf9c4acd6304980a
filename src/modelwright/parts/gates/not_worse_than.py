"""A new model must not be worse than the one in use, on rows that neither was fitted on.

A non-inferiority test: the paired bootstrap interval of the improvement must lie above a small loss that would be
accepted (`margin`). Too few rows, or an interval that reaches both sides, leaves the gate undecided, and it fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Gate
from modelwright.parts.evidence import Evidence, Verdict


class NotWorseThan(Gate):
    """Passes when the metric is shown to be at most `margin` worse than that of the model behind an alias."""

    kind: Literal["not_worse_than"] = "not_worse_than"
    model: str = Field("champion", description="Alias of the model to compare with.")
    metric: str = Field(description="Metric to compare.")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Confidence that the interval must have.")
    margin: float = Field(0.01, ge=0, lt=1, description="Loss accepted, as a share of the other model's score.")
    min_rows: int = Field(100, ge=10, description="Fewer common rows leave the gate undecided.")

    example: ClassVar[Mapping[str, Any]] = {"metric": "rmse"}

    @property
    def rival(self) -> str:
        return self.model

    def decide(self, evidence: Evidence) -> Verdict:
        found = evidence.compare(self.model, self.metric, self.confidence)
        if found is None:
            return Verdict("passed", f"there is no {self.model} yet to compare with")
        if isinstance(found, str):
            return Verdict("undecided", f"can't compare with {self.model}: {found}")
        if found.rows < self.min_rows:
            return Verdict(
                "undecided",
                f"only {found.rows} rows that neither model was fitted on; "
                f"{self.min_rows} are needed to compare {self.metric}",
            )
        accepted = -self.margin * abs(found.other_score)
        gain = found.improvement
        message = (
            f"{self.metric} {found.score:.6g} against {found.other_score:.6g} of {self.model} "
            f"on {found.rows} common rows: "
            f"improvement {gain.value:+.4g} ({gain.low:+.4g} to {gain.high:+.4g}), accepted from {accepted:+.4g}"
        )
        if gain.low >= accepted:
            return Verdict("passed", message)
        return Verdict("failed" if gain.high < accepted else "undecided", message)


PART = NotWorseThan
