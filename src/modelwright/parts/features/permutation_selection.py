"""Keeps the columns without whose values a model predicts worse."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from modelwright.parts.base import Step
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selection import (
    Sample,
    best,
    check_one_of,
    everything,
    passed_on,
    sample,
    selection,
    trees,
    wanted,
)
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats, Target

HELD_OUT = 0.25


class PermutationSelection(Step):
    """Shuffles one column at a time in held-out rows, and keeps those whose shuffling costs accuracy (Breiman, 2001).

    LightGBM is fitted on three quarters of a sample of learn and asked about the rest: what it only learnt by heart
    counts nothing. Kept are the `top` or a `share` of columns, else those whose loss is more than `deviations` standard
    deviations of the repeats. Choose it where the choice has to be fair between columns of few and of many values; it
    is the slowest, by columns times repeats. Copies of a good column all look needless: put correlation_filter before.
    scikit-learn's twin is permutation_importance, scored by r2 or negative log loss. Missing values count as the
    column's median.
    """

    kind: Literal["permutation_selection"] = "permutation_selection"
    columns: Selector = "numeric"
    top: int | None = Field(None, ge=1, description="How many columns stay; default: those with a clear effect.")
    share: float | None = Field(None, gt=0, le=1, description="Which share of the columns stays, instead of `top`.")
    deviations: float = Field(2.0, ge=0, le=10, description="How clear an effect has to be, without `top` and `share`.")
    repeats: int = Field(5, ge=2, le=100, description="How often each column is shuffled.")
    rows: int = Field(10_000, ge=1000, le=1_000_000, description="Rows of learn that are looked at, drawn by seed.")

    supervised: ClassVar[bool] = True

    @model_validator(mode="after")
    def _says_how_many_once(self) -> PermutationSelection:
        check_one_of(self.top, self.share)
        return self

    def selects(self) -> str | list[str]:
        return self.columns

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        drawn = sample(columns, target, self.rows, self.kind)
        if not drawn.tells:
            return everything(columns.names)
        with one_thread():
            scores, spread = self._effects(drawn, columns.seed % 2**31)
        if self.top is None and self.share is None:
            return selection(columns.names, scores, scores > self.deviations * spread)
        return selection(columns.names, scores, best(scores, wanted(len(columns.names), self.top, self.share)))

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        return passed_on(inputs, state["kept"])

    def _effects(self, drawn: Sample, seed: int) -> tuple[Floats, Floats]:
        """Mean and standard deviation of what shuffling each column costs."""
        import numpy as np
        from sklearn.inspection import permutation_importance

        order = np.random.default_rng(seed).permutation(len(drawn.target))
        held, fitted = np.split(order, [round(HELD_OUT * len(order))])
        if drawn.n_classes:
            held = held[np.isin(drawn.target[held], drawn.target[fitted])]
        model = trees(drawn.n_classes, seed).fit(drawn.features[fitted], drawn.target[fitted])
        found = permutation_importance(
            model,
            drawn.features[held],
            drawn.target[held],
            scoring=log_likelihood() if drawn.n_classes else "r2",
            n_repeats=self.repeats,
            random_state=seed,
            n_jobs=1,
        )
        return found.importances_mean, found.importances_std


def log_likelihood() -> Callable[[Any, Floats, Floats], float]:
    """Negative log loss that does not mind a class missing among the rows held out."""
    from sklearn.metrics import log_loss

    def score(model: Any, features: Floats, truth: Floats) -> float:
        return -float(log_loss(truth, model.predict_proba(features), labels=model.classes_))

    return score


PART = PermutationSelection
