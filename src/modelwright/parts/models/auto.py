"""Tries several models within a budget and keeps the best, or their mean: the default when nothing is known yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.errors import SpecError
from modelwright.parts.base import Model
from modelwright.parts.samples import FitContext, Fitted, Samples

# In the order they are tried: what is most likely to win within a small budget comes first, then what differs most.
# Settings as measured on ten public sets; FLAML's and AutoGluon's portfolios agree on the order. What is not installed
# is left out, saying so.
PORTFOLIO: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("lightgbm", {"iterations": 2000}),
    ("prior", {}),
    ("piecewise_linear", {}),
    ("catboost", {"learning_rate": 0.12, "borders": 64, "iterations": 2000}),
    ("extra_trees", {"trees": 100, "min_leaf_rows": 3}),
    ("mlp", {}),
    (
        "lightgbm",
        {"extra_trees": True, "leaves": 48, "learning_rate": 0.1, "iterations": 2000, "min_leaf_rows": 10},
    ),
    ("tabm", {}),
    ("lightgbm", {"leaves": 8, "learning_rate": 0.08, "iterations": 2000, "feature_fraction": 0.5, "l2": 5.0}),
    ("xgboost", {"learning_rate": 0.08, "max_depth": 8, "feature_fraction": 0.6, "iterations": 2000}),
    ("random_forest", {"trees": 100, "min_leaf_rows": 3, "criterion": "entropy"}),
    (
        "lightgbm",
        {"leaves": 64, "learning_rate": 0.03, "iterations": 2000, "min_leaf_rows": 40, "feature_fraction": 0.5},
    ),
)
BOOSTING = ("lightgbm", "catboost", "xgboost")
OUTPUTS_A_SECOND = 250  # rows times classes to learn from, for each of the budget; above, boosting takes larger steps
LARGEST_STEP = 0.15
# Whose effects can be read off one by one.
INTERPRETABLE: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("piecewise_linear", {}),
    ("prior", {}),
    ("logistic", {"C": 0.2}),
    ("ridge", {"alpha": 5.0}),
    ("decision_tree", {"max_depth": 5, "min_leaf_rows": 20}),
)


class Auto(Model):
    """A portfolio of models, all scored on the same folds: the best one, or a weighted mean of several where that is
    better by more than one standard error.

    With many rows (200,000 in all folds) and no time for all models, those after the first compete on some of the rows,
    and the worse half goes no further. With time left, models that the mean relies on are fitted again from other
    seeds, while the score still moves. Which models get their turn depends on the clock; with a budget that suffices
    for all of them, nothing does.
    """

    kind: Literal["auto"] = "auto"
    budget_s: float = Field(
        60.0, gt=0, le=864_000, description="Seconds for everything; the first model always finishes."
    )
    prefer: Literal["accuracy", "speed", "size", "interpretable"] = Field(
        "accuracy",
        description="accuracy: a mean of models where it is better; speed, size: of the single models within one "
        "standard error of the best, the fastest or smallest; interpretable: linear models and a small tree only.",
    )
    max_models: int | None = Field(
        None, ge=1, le=1000, description="Most models to try, so that a large budget no longer depends on the clock."
    )
    max_mb: float = Field(32.0, gt=0, le=2000, description="Largest graph; what would exceed it is left out.")

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})

    def candidates(self, task: str) -> Sequence[Model]:
        from modelwright.parts import catalog

        found = []
        for kind, settings in INTERPRETABLE if self.prefer == "interpretable" else PORTFOLIO:
            part = catalog.load("models", kind)
            if issubclass(part, Model) and task in part.tasks:
                found.append(part.model_validate({"kind": kind, **settings}))
        return found

    def for_rows(self, models: Sequence[Model], rows: int, classes: int) -> Sequence[Model]:
        """The same, for so many rows to learn from (0 classes: values): where they are many for the budget, each tree
        of boosting counts twice as much, so that half as many do."""
        if rows * (classes if classes > 2 else 1) <= OUTPUTS_A_SECOND * self.budget_s:
            return models
        return [_hastened(model) if model.kind in BOOSTING else model for model in models]

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        raise SpecError("auto is a portfolio: one of its candidates is fitted, not auto itself")


def _hastened(model: Model) -> Model:
    rate: float = model.model_dump()["learning_rate"]
    return model.model_copy(update={"learning_rate": max(rate, min(2 * rate, LARGEST_STEP))})


PART = Auto
