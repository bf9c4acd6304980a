"""Fits, drops the weakest columns, and fits again, until few enough are left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from modelwright.parts.base import Step
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selection import check_one_of, everything, passed_on, sample, selection, trees, wanted
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target


class RecursiveElimination(Step):
    """Drops the columns that a model weighs least, fits anew on the others, and so on (Guyon et al., 2002).

    Dropping a few at a time lets a column that was in the shadow of another come forward, which importance_selection
    does not; it costs a fit for each round. Choose it when a small set of columns that work well together is wanted.
    scikit-learn's twin is RFE of Ridge, LogisticRegression (after StandardScaler) or LightGBM. `scores` are 1 / RFE's
    ranking. Missing values count as the column's median.
    """

    kind: Literal["recursive_elimination"] = "recursive_elimination"
    columns: Selector = "numeric"
    model: Literal["linear", "trees"] = Field(
        "linear", description="linear: weighs by coefficients on standardized columns; trees: by LightGBM's gain."
    )
    top: int | None = Field(None, ge=1, description="How many columns stay.")
    share: float | None = Field(None, gt=0, le=1, description="Which share of the columns stays, instead of `top`.")
    step: float = Field(0.1, gt=0, lt=1, description="Share of the columns that is dropped each round, at least one.")
    rows: int = Field(20_000, ge=1000, le=1_000_000, description="Rows of learn that are looked at, drawn by seed.")

    supervised: ClassVar[bool] = True
    example: ClassVar[Mapping[str, Any]] = {"top": 20}

    @model_validator(mode="after")
    def _says_how_many(self) -> RecursiveElimination:
        check_one_of(self.top, self.share)
        if self.top is None and self.share is None:
            raise ValueError("say how many columns stay: `top` or `share`")
        return self

    def selects(self) -> str | list[str]:
        return self.columns

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        from sklearn.feature_selection import RFE

        drawn = sample(columns, target, self.rows, self.kind)
        count = wanted(len(columns.names), self.top, self.share)
        if not drawn.tells or count == len(columns.names):
            return everything(columns.names)
        linear = self.model == "linear"
        model = _linear(drawn.n_classes) if linear else trees(drawn.n_classes, columns.seed % 2**31)
        features = drawn.standardized if linear else drawn.features
        with one_thread():
            chosen = RFE(model, n_features_to_select=count, step=self.step).fit(features, drawn.target)
        return selection(columns.names, 1.0 / chosen.ranking_, chosen.support_)

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        return passed_on(inputs, state["kept"])


def _linear(n_classes: int) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge

    return LogisticRegression(max_iter=1000) if n_classes else Ridge()


PART = RecursiveElimination
