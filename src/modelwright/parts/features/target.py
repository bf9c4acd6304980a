"""What the target is on average for each value of a category."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Step
from modelwright.parts.column_types import check_types
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats, Target

PIECE = 65_536


class TargetMean(Step):
    """The mean of the target (the share of the second class; of several classes a column for each) by value, drawn
    towards that of all rows: the more, the fewer rows a value has and the more its rows differ (Micci-Barreca, 2001).

    Choose it for categories of many values, such as postcodes, where a 0/1 column for each would be too many. The graph
    holds the fit on all rows of learn, but a model must not learn from that: a row's own target is in it. So each row
    of learn is given its value by a fit on other rows, in five folds by hash (rows of one group together), and
    cross-validation fits all steps anew in each fold. A value that learn never had gets the mean of all rows; missing
    is a value like any other if learn had it. Columns of several classes are numbered in the order of the classes. The
    full fit is that of scikit-learn's TargetEncoder.
    """

    kind: Literal["target"] = "target"
    columns: Selector = "categorical"
    smooth: Literal["auto"] | Annotated[float, Field(ge=0, le=1e9)] = Field(
        "auto", description="Rows of the mean of all that each value starts with; auto: by empirical Bayes."
    )
    max_categories: int = Field(
        10_000, ge=1, le=100_000, description="Values that are remembered: the most frequent; others count as new."
    )
    keep: bool = Field(False, description="Keep the columns as they were beside the new ones.")

    supervised: ClassVar[bool] = True
    cross_fitted: ClassVar[bool] = True

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        check_types(self.kind, columns, "text")
        assert target is not None  # a supervised step always gets one
        state: State = {}
        for name in columns.names:
            words = ["", *(word for word, _ in columns.counts(name)[: self.max_categories])]
            state[name] = {"words": words, "means": self._means(_places(columns.values(name), words), target, words)}
        return state

    def _means(self, places: NDArray[np.int32], target: Target, words: list[str]) -> Floats:
        """[words + 1, columns] by value; the last row is of all rows together."""
        import numpy as np

        rows = [self._smoothed(places, wanted, len(words)) for wanted in _columns(target)]
        return np.stack(rows, axis=1)

    def _smoothed(self, places: NDArray[np.int32], values: Floats, words: int) -> Floats:
        import numpy as np

        if not len(values):
            return np.full(words + 1, np.nan)
        overall = values.mean()
        count = np.bincount(places, minlength=words + 1)[:words].astype(np.float64)
        total = np.bincount(places, values, minlength=words + 1)[:words]
        seen = np.maximum(count, 1)
        if self.smooth == "auto":
            own = total / seen
            apart = values - np.append(own, overall)[places]
            spread = np.bincount(places, apart * apart, minlength=words + 1)[:words] / seen
            signal = values.var() * count
            share = np.divide(signal, signal + spread, out=np.zeros(words), where=signal + spread > 0)
            means = share * own + (1 - share) * overall
        else:
            means = (total + self.smooth * overall) / np.maximum(count + self.smooth, 1e-300)
        return np.append(np.where(count > 0, means, overall), overall)

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        from modelwright.graph.blocks import Block
        from modelwright.graph.builder import ML

        blocks = []
        for name in inputs.names:
            words, means = state[name]["words"], state[name]["means"]
            place = graph.op(
                "LabelEncoder",
                inputs.column(name),
                domain=ML,
                keys_strings=words,
                values_int64s=list(range(len(words))),
                default_int64=len(words),
            )
            width = means.shape[1]
            names = [name] if width == 1 else [f"{name}_class_{code}" for code in range(width)]
            blocks.append(Block(graph.op("Gather", means, place, axis=0), names))
        return blocks


def _columns(target: Target) -> list[Floats]:
    """What is averaged: the numbers, whether a row is of the second class, or of each class."""
    import numpy as np

    if target.n_classes == 0:
        return [target.values]
    codes = [1] if target.n_classes == 2 else range(target.n_classes)
    return [(target.values == code).astype(np.float64) for code in codes]


def _places(values: NDArray[np.object_], words: list[str]) -> NDArray[np.int32]:
    """[N] where each value stands in `words`; those that do not get the place after the last."""
    import numpy as np

    place = {word: at for at, word in enumerate(words)}
    found = np.empty(len(values), np.int32)
    for start in range(0, len(values), PIECE):
        piece = values[start : start + PIECE].tolist()
        found[start : start + PIECE] = np.fromiter(map(place.get, piece, repeat(len(words))), np.int32, len(piece))
    return found


PART = TargetMean
