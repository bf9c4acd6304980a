"""Keeps the columns that a linear model with an L1 penalty uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Step
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selection import Sample, everything, passed_on, sample, selection
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats, Target

FOLDS = 5
STRENGTHS = 10


class L1Selection(Step):
    """Keeps columns with a coefficient in Lasso (numbers) or L1 logistic regression (classes), on standardized columns.

    It looks at all columns together: of copies about one stays. Choose it before linear models, or with many columns of
    which few matter; it is blind to what only bends. By default cross-validation on the sample chooses the strongest
    penalty whose loss is within one standard error of the least (Hastie, Tibshirani and Friedman, 7.10), which keeps
    fewer columns than the least loss itself, and still rather too many than too few. At a given `penalty`, after
    StandardScaler, scikit-learn's twin is SelectFromModel(Lasso(penalty)) or
    SelectFromModel(LogisticRegression(C=1/penalty, l1_ratio=1, solver="saga")). Missing values count as the column's
    median.
    """

    kind: Literal["l1_selection"] = "l1_selection"
    columns: Selector = "numeric"
    penalty: float | None = Field(
        None, gt=0, description="Lasso's alpha, or 1/C of logistic regression; default: chosen by cross-validation."
    )
    rows: int = Field(10_000, ge=1000, le=1_000_000, description="Rows of learn that are looked at, drawn by seed.")

    supervised: ClassVar[bool] = True

    def selects(self) -> str | list[str]:
        return self.columns

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        import numpy as np

        drawn = _without_rare_classes(sample(columns, target, self.rows, self.kind))
        if not drawn.tells:
            return everything(columns.names)
        with one_thread():
            coefficients = _coefficients(drawn, self.penalty, columns.seed % 2**32)
        scores = np.abs(coefficients).reshape(-1, len(columns.names)).max(axis=0)
        return selection(columns.names, scores, scores > 0)

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        return passed_on(inputs, state["kept"])


def _coefficients(drawn: Sample, penalty: float | None, seed: int) -> Floats:
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import Lasso, LogisticRegression

    features, target = drawn.standardized, drawn.target
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # close is enough to tell what is used
        if drawn.n_classes:
            strength = penalty or _logistic_penalty(features, target, seed)
            model: Any = LogisticRegression(C=1 / strength, l1_ratio=1, solver="saga", max_iter=200, random_state=seed)
        else:
            model = Lasso(alpha=penalty or _lasso_penalty(features, target), max_iter=2000)
        found: Floats = model.fit(features, target).coef_
    return found


def _lasso_penalty(features: Floats, target: Floats) -> float:
    from sklearn.linear_model import LassoCV

    path = LassoCV(alphas=50, cv=FOLDS, max_iter=2000).fit(features, target)
    return _within_one_error(path.alphas_, path.mse_path_)


def _logistic_penalty(features: Floats, target: Floats, seed: int) -> float:
    import numpy as np
    from sklearn.linear_model import LogisticRegressionCV

    # The least penalty at which nothing is used lies about here (Koh, Kim and Boyd, 2007); looking 1,000 times below.
    codes = np.equal.outer(target, np.unique(target)).astype(np.float64)
    greatest = float(np.abs(features.T @ (codes - codes.mean(axis=0))).max())
    penalties = greatest * np.logspace(0, -3, STRENGTHS)
    path = LogisticRegressionCV(
        Cs=1 / penalties,
        l1_ratios=(1,),
        cv=FOLDS,
        solver="saga",
        scoring="neg_log_loss",
        max_iter=100,
        tol=1e-3,
        refit=False,
        random_state=seed,
        use_legacy_attributes=False,
    ).fit(features, target)
    losses = -path.scores_.reshape(FOLDS, STRENGTHS)
    return _within_one_error(penalties, losses.T)


def _within_one_error(penalties: Floats, losses: Floats) -> float:
    """The strongest penalty whose loss [strength, fold] is within one standard error of the least."""
    import numpy as np

    mean, error = losses.mean(axis=1), losses.std(axis=1, ddof=1) / np.sqrt(losses.shape[1])
    least = int(mean.argmin())
    return float(penalties[mean <= mean[least] + error[least]].max())


def _without_rare_classes(drawn: Sample) -> Sample:
    """Without rows of classes that not every fold would have."""
    import numpy as np

    if not drawn.n_classes:
        return drawn
    counts = np.bincount(drawn.target.astype(np.int64), minlength=drawn.n_classes)
    common = counts[drawn.target.astype(np.int64)] >= 2 * FOLDS
    return Sample(drawn.features[common], drawn.target[common], drawn.n_classes)


PART = L1Selection
