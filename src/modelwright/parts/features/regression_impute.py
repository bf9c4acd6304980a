"""Fills missing values of each column by a regression on the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelwright.parts.base import Step
from modelwright.parts.numbers import all_missing, known, sampled_rows, span
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target

SAMPLE_ROWS = 20_000  # that regressions are fitted on


class RegressionImpute(Step):
    """Chained equations (van Buuren and Groothuis-Oudshoorn, 2011): means first, then, round by round, each column
    with missing values is predicted from all others by Bayesian ridge regression, those with fewest missing first.

    Choose it where numbers are correlated and much is missing; three rounds do what ten do. What is filled in stays
    within learn's range. A column that is complete on learn is filled with its mean. Fitted on at most 20,000 drawn
    rows. scikit-learn's twin is IterativeImputer(max_iter=rounds, skip_complete=True) with learn's least and greatest
    values as min_value and max_value.
    """

    kind: Literal["regression_impute"] = "regression_impute"
    columns: Selector = "numeric"
    rounds: int = Field(
        3, ge=1, le=20, description="How often each column is predicted anew; fewer if all stand still."
    )
    indicator: bool = Field(False, description="Add a column NAME_missing where learn had missing values.")
    keep: bool = Field(False, description="Keep the columns as they were beside the filled ones.")

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fills(self) -> str | list[str] | None:
        return self.columns

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        import warnings

        import numpy as np
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - its import is what enables the next
        from sklearn.impute import IterativeImputer

        bounds, missing = [], []
        for name in columns.names:
            values = known(columns, name)
            if not len(values):
                raise all_missing("regression_impute", name)
            bounds.append(span(values, name))
            if len(values) < columns.rows:
                missing.append(name)
        lower, upper = np.array(bounds).T
        rows = sampled_rows(columns, SAMPLE_ROWS)
        rows = np.concatenate([rows, lower[None]]) if np.isnan(rows).all(axis=0).any() else rows
        imputer = IterativeImputer(
            max_iter=self.rounds,
            skip_complete=True,
            min_value=np.nextafter(lower, -np.inf),
            max_value=np.nextafter(upper, np.inf),
        )
        with one_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # how many rounds is the user's to say
            imputer.fit(rows)
        sequence = [step for step in imputer.imputation_sequence_ if len(columns.names) > 1]
        weights = np.zeros((len(sequence), len(columns.names)))
        for at, step in enumerate(sequence):
            weights[at, step.neighbor_feat_idx] = step.estimator.coef_
        return {
            "mean": imputer.initial_imputer_.statistics_,
            "columns": [int(step.feat_idx) for step in sequence],
            "weights": weights,
            "intercepts": [float(step.estimator.intercept_) for step in sequence],
            "lower": lower,
            "upper": upper,
            "missing": missing,
        }

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        import numpy as np

        from modelwright.graph.blocks import Block
        from modelwright.graph.missing import flags
        from modelwright.graph.powers import bounded

        matrix = inputs.matrix()
        absent = graph.op("IsNaN", matrix)
        filled = graph.op("Where", absent, state["mean"], matrix)
        steps = zip(state["columns"], state["weights"], state["intercepts"], strict=True)
        for column, weights, intercept in steps:
            predicted = graph.op("Add", graph.op("MatMul", filled, weights[:, None]), np.float64(intercept))
            predicted = bounded(graph, predicted, state["lower"][column], state["upper"][column])
            here = graph.op("And", absent, np.arange(len(inputs.names))[None] == column)
            filled = graph.op("Where", here, predicted, filled)
        return [Block(filled, inputs.names), *flags(graph, inputs, state["missing"] if self.indicator else [])]


PART = RegressionImpute
