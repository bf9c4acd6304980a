"""Keeps the columns that a forest finds important."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from modelwright.parts.base import Step
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selection import best, check_one_of, everything, passed_on, sample, selection, trees, wanted
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target


class ImportanceSelection(Step):
    """Keeps the columns that gain most in a forest: `top` or a `share` of them, else those above the mean.

    It sees bends and columns that act together. Columns with many different values look better than they are, and
    copies share their importance: where that matters choose permutation_selection. scikit-learn's twin is
    SelectFromModel(LGBMRegressor(importance_type="gain") or ExtraTreesRegressor(), threshold="mean"), or the
    classifiers. Missing values count as the column's median.
    """

    kind: Literal["importance_selection"] = "importance_selection"
    columns: Selector = "numeric"
    model: Literal["lightgbm", "extra_trees"] = Field(
        "lightgbm", description="lightgbm: gain of boosted trees; extra_trees: fall of impurity in random ones."
    )
    top: int | None = Field(None, ge=1, description="How many columns stay; default: those above the mean.")
    share: float | None = Field(None, gt=0, le=1, description="Which share of the columns stays, instead of `top`.")
    rows: int = Field(50_000, ge=1000, le=1_000_000, description="Rows of learn that are looked at, drawn by seed.")

    supervised: ClassVar[bool] = True

    @model_validator(mode="after")
    def _says_how_many_once(self) -> ImportanceSelection:
        check_one_of(self.top, self.share)
        return self

    def selects(self) -> str | list[str]:
        return self.columns

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        import numpy as np

        drawn = sample(columns, target, self.rows, self.kind)
        if not drawn.tells:
            return everything(columns.names)
        with one_thread():
            model = self._model(drawn.n_classes, columns.seed % 2**31).fit(drawn.features, drawn.target)
        gains = np.asarray(model.feature_importances_, np.float64)
        scores = gains / (gains.sum() or 1.0)
        if self.top is None and self.share is None:
            return selection(columns.names, scores, gains >= gains.mean())
        return selection(columns.names, scores, best(scores, wanted(len(columns.names), self.top, self.share)))

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        return passed_on(inputs, state["kept"])

    def _model(self, n_classes: int, seed: int) -> Any:
        from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

        if self.model == "lightgbm":
            return trees(n_classes, seed)
        kind = ExtraTreesClassifier if n_classes else ExtraTreesRegressor
        return kind(n_estimators=100, min_samples_leaf=5, random_state=seed, n_jobs=1)


PART = ImportanceSelection
