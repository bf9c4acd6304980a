"""Tries several models within a budget and keeps the best: the default when nothing is known of the data yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.errors import SpecError
from modelwright.parts.base import FitContext, Fitted, Model, Samples

# In the order they are tried: what is most likely to win within a small budget comes first, then what differs most.
# Settings as measured on ten public sets; FLAML's and AutoGluon's portfolios agree on the order.
PORTFOLIO: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("lightgbm", {}),
    ("logistic", {"C": 0.2}),
    ("ridge", {"alpha": 5.0}),
    ("lightgbm", {"leaves": 8, "learning_rate": 0.08, "iterations": 1000}),
    ("random_forest", {}),
    (
        "lightgbm",
        {"leaves": 64, "learning_rate": 0.03, "iterations": 1000, "min_leaf_rows": 40, "feature_fraction": 0.5},
    ),
)


class Auto(Model):
    """A portfolio: every candidate is scored by the same validation, and one whose turn comes too late is not tried."""

    kind: Literal["auto"] = "auto"
    budget_s: float = Field(
        60.0, gt=0, le=864_000, description="Seconds for all candidates; the first always finishes."
    )

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})

    def candidates(self, task: str) -> Sequence[Model]:
        from modelwright.parts import catalog

        found = []
        for kind, settings in PORTFOLIO:
            part = catalog.load("models", kind)
            if issubclass(part, Model) and task in part.tasks:
                found.append(part.model_validate({"kind": kind, **settings}))
        return found

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        raise SpecError("auto is a portfolio: one of its candidates is fitted, not auto itself")


PART = Auto
