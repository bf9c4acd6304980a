"""Tries several models within a budget and keeps the best, or their mean: the default when nothing is known yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.errors import SpecError
from modelwright.parts.base import Model
from modelwright.parts.samples import FitContext, Fitted, Samples

RARE_TOO: Mapping[str, Any] = {"min_category_rows": 10, "category_smoothing": 2.0}  # categories of few rows count
Entry = tuple[str, Mapping[str, Any]]
# In the order they are tried: what is most likely to win within a small budget comes first, then what differs most.
# Most settings as measured on ten public sets; FLAML's and AutoGluon's portfolios agree on the order. What is not
# installed is left out, saying so.
FIRST: tuple[Entry, ...] = (
    ("lightgbm", {"iterations": 2000, **RARE_TOO}),
    ("prior", {}),
    ("piecewise_linear", {}),
    ("random_fourier", {"frequencies": 384}),
)
# Of classes it comes next; of values it was worse out of fold than `mlp` with bins on two tables of three: last.
WITHOUT_BINS: Entry = ("mlp", {"bins": None, "hidden": 256, "dropout": 0.3, "learning_rate": 0.003, "epochs": 40})
THEN: tuple[Entry, ...] = (
    ("catboost", {"learning_rate": 0.12, "borders": 64, "iterations": 2000}),
    ("xgboost", {"learning_rate": 0.08, "max_depth": 8, "feature_fraction": 0.6, "iterations": 2000}),
    ("mlp", {}),
    (
        "lightgbm",
        {
            **{"extra_trees": True, "leaves": 48, "learning_rate": 0.1, "iterations": 2000, "min_leaf_rows": 10},
            **RARE_TOO,
        },
    ),
    ("extra_trees", {"trees": 100, "min_leaf_rows": 3}),
    ("tabm", {}),
    ("lightgbm", {"leaves": 8, "learning_rate": 0.08, "iterations": 2000, "feature_fraction": 0.5, "l2": 5.0}),
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
INTERPRETABLE: tuple[Entry, ...] = (
    ("piecewise_linear", {}),
    ("prior", {}),
    ("logistic", {"C": 0.2}),
    ("ridge", {"alpha": 5.0}),
    ("decision_tree", {"max_depth": 5, "min_leaf_rows": 20}),
)
# Those that know more than the mean. Each is fitted once for each quantile.
OF_QUANTILES: tuple[Entry, ...] = (
    ("lightgbm", {"iterations": 2000}),
    ("prior", {}),
    ("linear_quantile", {"max_rows": 2_000}),
    ("catboost", {"learning_rate": 0.12, "borders": 64, "iterations": 2000}),
    ("lightgbm", {"leaves": 8, "learning_rate": 0.08, "iterations": 2000, "feature_fraction": 0.5, "l2": 5.0}),
    ("hist_gradient_boosting", {"learning_rate": 0.08, "iterations": 2000}),
    ("mlp", {}),
    ("xgboost", {"learning_rate": 0.08, "max_depth": 8, "feature_fraction": 0.6, "iterations": 2000}),
    ("tabm", {}),
)
INTERPRETABLE_OF_QUANTILES: tuple[Entry, ...] = (("linear_quantile", {}), ("prior", {}))


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
        60.0,
        gt=0,
        le=864_000,
        description="Seconds for everything; the first model always finishes, with fewer iterations where it must.",
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

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression", "quantile"})

    def candidates(self, task: str) -> Sequence[Model]:
        from modelwright.parts import catalog

        found = []
        for kind, settings in _entries(task, interpretable=self.prefer == "interpretable"):
            part = catalog.load("models", kind)
            if issubclass(part, Model) and part.can(task):
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


def _entries(task: str, *, interpretable: bool) -> Sequence[Entry]:
    if task == "quantile":
        return INTERPRETABLE_OF_QUANTILES if interpretable else OF_QUANTILES
    if interpretable:
        return INTERPRETABLE
    return (*FIRST, *THEN, WITHOUT_BINS) if task == "regression" else (*FIRST, WITHOUT_BINS, *THEN)


def _hastened(model: Model) -> Model:
    rate: float = model.model_dump()["learning_rate"]
    return model.model_copy(update={"learning_rate": max(rate, min(2 * rate, LARGEST_STEP))})


PART = Auto
