"""Fills missing values with their mean given the others, for columns that are jointly normal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelwright.parts.base import Step
from modelwright.parts.numbers import all_missing, mean_and_scale, numbers, sampled_rows
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats, Target

SAMPLE_ROWS = 20_000  # that the covariance is estimated on
RIDGE = 1e-6  # added to variances of standardized columns, so that columns which add up to others do no harm
SETTLED = 1e-6  # EM stops when no mean and no covariance of standardized columns moves by more
MOST_STEPS = 60  # of conjugate gradients; more than twice the columns are never needed


class EmImpute(Step):
    """Means and covariances by expectation-maximization (Dempster, Laird and Rubin, 1977), then each missing value's
    mean given the values that a row has: the best linear guess from whichever those are.

    Choose it where numbers are correlated and many combinations of them are missing; its graph stays of one size where
    that of `regression_impute` grows with the columns. Fitted on at most 20,000 drawn rows. The conditional mean is
    found by conjugate gradients: exact to 1e-9, less so where columns almost add up to others. scikit-learn has no
    twin.
    """

    kind: Literal["em_impute"] = "em_impute"
    columns: Selector = "numeric"
    iterations: int = Field(50, ge=1, le=1000, description="Most rounds of EM; fewer when the estimates have settled.")
    indicator: bool = Field(False, description="Add a column NAME_missing where learn had missing values.")
    keep: bool = Field(False, description="Keep the columns as they were beside the filled ones.")

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fills(self) -> str | list[str] | None:
        return self.columns

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        import numpy as np

        units, missing = [], []
        for name in columns.names:
            values = numbers(columns, name)
            absent = np.isnan(values)
            if absent.all():
                raise all_missing("em_impute", name)
            if absent.any():
                missing.append(name)
            units.append(mean_and_scale(values, name))
        centre, unit = np.array(units).T
        with one_thread():
            mean, covariance = _estimated((sampled_rows(columns, SAMPLE_ROWS) - centre) / unit, self.iterations)
            precision = np.linalg.inv(covariance)
        return {
            "mean": centre + mean * unit,
            "covariance": covariance * unit * unit[:, None],
            "scale": np.sqrt(np.diag(precision)) / unit,
            "precision": precision / np.sqrt(np.outer(np.diag(precision), np.diag(precision))),
            "missing": missing,
        }

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        """With P the precision matrix, missing values solve P_mm x_m = -P_mo x_o (all less their means)."""
        import numpy as np

        from modelwright.graph.blocks import Block
        from modelwright.graph.missing import flags
        from modelwright.graph.solving import solved

        matrix = inputs.matrix()
        absent = graph.op("IsNaN", matrix)
        known = graph.op("Mul", graph.op("Sub", matrix, state["mean"]), state["scale"])
        known = graph.op("Where", absent, np.float64(0), known)
        right = graph.op("Neg", graph.op("MatMul", known, state["precision"]))
        solution = solved(graph, state["precision"], right, absent, min(2 * len(inputs.names), MOST_STEPS))
        filled = graph.op("Add", graph.op("Div", solution, state["scale"]), state["mean"])
        made = graph.op("Where", absent, filled, matrix)
        return [Block(made, inputs.names), *flags(graph, inputs, state["missing"] if self.indicator else [])]


def _estimated(rows: Floats, iterations: int) -> tuple[Floats, Floats]:
    """Mean [d] and covariance [d, d] of a normal distribution from rows [n, d] with missing values."""
    import numpy as np

    absent = np.isnan(rows)
    patterns, kind = np.unique(absent, axis=0, return_inverse=True)
    groups = np.split(np.argsort(kind, kind="stable"), np.cumsum(np.bincount(kind, minlength=len(patterns)))[:-1])
    width = rows.shape[1]
    filled = np.where(absent, 0.0, rows)
    mean, covariance = np.zeros(width), np.eye(width)
    for _ in range(iterations):
        spread = np.zeros((width, width))
        for pattern, members in zip(patterns, groups, strict=True):
            if pattern.any():
                guess, uncertain = _expected(filled[members][:, ~pattern], pattern, mean, covariance)
                filled[np.ix_(members, pattern)] = guess
                spread[np.ix_(pattern, pattern)] += len(members) * uncertain
        before = mean, covariance
        mean = filled.mean(axis=0)
        centred = filled - mean
        covariance = (centred.T @ centred + spread) / len(rows) + RIDGE * np.eye(width)
        if max(np.abs(mean - before[0]).max(), np.abs(covariance - before[1]).max()) < SETTLED:
            break
    return mean, covariance


def _expected(known: Floats, pattern: NDArray[np.bool_], mean: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """Conditional mean [n, m] and covariance [m, m] of the columns missing by `pattern`."""
    import numpy as np

    across = covariance[np.ix_(~pattern, pattern)]
    weights = np.linalg.solve(covariance[np.ix_(~pattern, ~pattern)], across)
    guess = mean[pattern] + (known - mean[~pattern]) @ weights
    return guess, covariance[np.ix_(pattern, pattern)] - across.T @ weights


PART = EmImpute
