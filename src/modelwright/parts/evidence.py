"""What evaluate found out, in the form that gates decide on, and what they decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from modelwright.parts.bootstrap import Interval


@dataclass(frozen=True)
class Comparison:
    """Two models on the same rows, that neither was fitted on. `improvement` > 0 means that this model is better."""

    metric: str
    score: float
    other_score: float
    improvement: Interval
    rows: int


class Evidence(Protocol):
    """What evaluate found out, for gates to decide on."""

    def interval(self, metric: str) -> Interval:
        """The metric on the test rows."""

    def direction(self, metric: str) -> str:
        """higher or lower (is better)."""

    def compare(self, model: str, metric: str, confidence: float) -> Comparison | str | None:
        """Against the model behind an alias; None if there is none yet; a sentence if it can't be compared."""


@dataclass(frozen=True)
class Verdict:
    """An undecided gate fails too, and says so."""

    outcome: Literal["passed", "failed", "undecided"]
    message: str

    @property
    def passed(self) -> bool:
        return self.outcome == "passed"
