"""Keeps the columns that tell most of the target, each by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from modelwright.parts.base import Step
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selection import Sample, best, check_one_of, everything, passed_on, sample, selection, wanted
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats, Target

FEW_VALUES = 20  # whole numbers with no more different values count as classes, not as measurements


class MutualInformation(Step):
    """Keeps the columns with the greatest mutual information with the target (Kraskov et al., 2004; Ross, 2014).

    It finds any kind of dependence, of one column at a time: columns that only tell something together are lost, and
    copies of a good column all stay. Choose it to thin out hundreds of columns before a slow model. scikit-learn's twin
    is SelectKBest(mutual_info_classif or mutual_info_regression), with `discrete_features` for columns of at most 20
    different whole numbers. Missing values count as the column's median.
    """

    kind: Literal["mutual_information"] = "mutual_information"
    columns: Selector = "numeric"
    top: int | None = Field(None, ge=1, description="How many columns stay.")
    share: float | None = Field(None, gt=0, le=1, description="Which share of the columns stays, instead of `top`.")
    neighbours: int = Field(3, ge=1, le=50, description="Nearest rows that the estimate looks at; more is smoother.")
    rows: int = Field(10_000, ge=1000, le=1_000_000, description="Rows of learn that are looked at, drawn by seed.")

    supervised: ClassVar[bool] = True
    example: ClassVar[Mapping[str, Any]] = {"top": 20}

    @model_validator(mode="after")
    def _says_how_many(self) -> MutualInformation:
        check_one_of(self.top, self.share)
        if self.top is None and self.share is None:
            raise ValueError("say how many columns stay: `top` or `share`")
        return self

    def selects(self) -> str | list[str]:
        return self.columns

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        drawn = sample(columns, target, self.rows, self.kind)
        if not drawn.tells:
            return everything(columns.names)
        scores = self._scores(drawn, columns.seed)
        return selection(columns.names, scores, best(scores, wanted(len(columns.names), self.top, self.share)))

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        return passed_on(inputs, state["kept"])

    def _scores(self, drawn: Sample, seed: int) -> Floats:
        from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

        measure = mutual_info_classif if drawn.n_classes else mutual_info_regression
        with one_thread():
            scores: Floats = measure(
                drawn.features,
                drawn.target,
                discrete_features=discrete(drawn.features),
                n_neighbors=self.neighbours,
                random_state=seed % 2**32,
                n_jobs=1,
            )
        return scores


def discrete(features: Floats) -> NDArray[Any]:
    """Which columns hold few different whole numbers."""
    import numpy as np

    return np.array([_few_whole_numbers(column) for column in features.T])


def _few_whole_numbers(values: Floats) -> bool:
    import numpy as np

    return bool((values == np.trunc(values)).all()) and len(np.unique(values)) <= FEW_VALUES


PART = MutualInformation
