"""Support vector machines with a kernel: curved margins, for small data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.errors import DataError
from modelwright.parts.base import Model
from modelwright.parts.estimators.boosting import balanced, refuse_class_weight
from modelwright.parts.estimators.bounded_rows import bounded_rows
from modelwright.parts.estimators.kernels import Kernel, KernelScores, default_rate
from modelwright.parts.estimators.known_classes import codes_of, of_all_classes
from modelwright.parts.estimators.margins import FittedScores
from modelwright.parts.estimators.platt import held_out_sigmoids
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext, Fitted, Samples

if TYPE_CHECKING:
    from modelwright.graph.stored_rows import Grid
    from modelwright.parts.samples import Floats

CACHE_MB = 200


class SVM(Model):
    """A support vector machine with a kernel (Cortes and Vapnik, 1995; scikit-learn's SVC and SVR). Several classes are
    told apart one against the rest.

    Choose it for some thousand rows of numbers whose relations are smooth and curved; boosted trees do better on mixed
    tables. The support vectors **are in the graph: it contains rows of your data**. Its time grows with the square of
    the rows, so at most `max_rows` are drawn from learn. Probabilities are Platt scaled on rows that were held out.
    """

    kind: Literal["svm"] = "svm"
    kernel: Literal["rbf", "poly"] = Field(
        "rbf", description="rbf: by distance; poly: powers and products of features."
    )
    C: float = Field(1.0, gt=0, le=1e6, description="Cost of a row within the margin: less is simpler.")
    gamma: float | None = Field(
        None, gt=0, le=1e6, description="How fast likeness falls with distance; default: one over count and variance."
    )
    degree: int = Field(3, ge=2, le=6, description="poly: the highest power.")
    epsilon: float = Field(
        0.1, ge=0, le=10, description="Regression: errors up to it cost nothing, in deviations of the target."
    )
    max_rows: int = Field(5000, ge=2, le=20_000, description="Most rows of learn that it is fitted on.")
    folds: int = Field(3, ge=2, le=20, description="Classes: folds whose held-out scores the probabilities are from.")
    class_weight: Literal["balanced"] | None = Field(
        None, description="balanced: rare classes count as much as others."
    )

    contains_rows: ClassVar[bool] = True
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot", "scaled"})
    search_space: ClassVar[Mapping[str, Any]] = {
        "C": {"low": 0.01, "high": 100.0, "log": True},
        "gamma": {"low": 0.0001, "high": 1.0, "log": True},
    }

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np

        from modelwright.graph.stored_rows import Grid

        refuse_class_weight(self.class_weight, context)
        rows, notes = bounded_rows(learn, self.max_rows, context.n_classes, context.seed)
        rows = balanced(rows, self.class_weight)  # so that the probabilities are balanced as well
        grid = Grid.for_rows(rows.features)
        kernel = Kernel(self.kernel, self.gamma or default_rate(rows.features), self.degree)
        if context.n_classes:
            scores = self._fit_classes(rows, kernel, grid)
            sigmoids = held_out_sigmoids(
                lambda samples, features: self._fit_classes(samples, kernel, grid).of(features),
                rows,
                self.folds,
                context.seed,
            )
        else:
            mean, spread = float(np.mean(rows.target)), float(np.std(rows.target)) or 1.0
            found = self._machine(rows, (rows.target - mean) / spread, kernel, grid, classes=False)
            scores = _together(rows, kernel, grid, [found], spread, mean)
            sigmoids = None
        notes = {**notes, "stored_rows": len(scores.stored), "contains_rows": True}
        return of_all_classes(FittedScores(scores, sigmoids, notes), rows.target, context.n_classes)

    def _fit_classes(self, rows: Samples, kernel: Kernel, grid: Grid) -> KernelScores:
        import numpy as np

        codes = codes_of(rows.target)
        wanted = codes[1:] if len(codes) == 2 else codes
        machines = [
            self._machine(rows, np.where(rows.target == code, 1.0, -1.0), kernel, grid, classes=True) for code in wanted
        ]
        return _together(rows, kernel, grid, machines)

    def _machine(
        self, rows: Samples, target: Floats, kernel: Kernel, grid: Grid, *, classes: bool
    ) -> tuple[Floats, float]:
        """A weight for each row, 0 for those that are no support vectors, and the intercept."""
        import numpy as np
        from sklearn.svm import SVC, SVR

        settings = {
            "kernel": kernel.kind,
            "C": self.C,
            "gamma": kernel.rate,
            "degree": kernel.degree,
            "coef0": 1.0,
            "cache_size": CACHE_MB,
        }
        estimator = SVC(**settings) if classes else SVR(epsilon=self.epsilon, **settings)
        try:
            with one_thread():
                features = grid.steps(rows.features) * grid.step
                estimator.fit(features, target, sample_weight=rows.weights)
        except ValueError as error:  # of libsvm, where weights leave only one side
            raise DataError(
                f"svm: {error}", where="train.model", hint="check the weights of the rare classes"
            ) from error
        weights = np.zeros(len(target))
        weights[estimator.support_] = estimator.dual_coef_[0]
        return weights, float(estimator.intercept_[0])


def _together(
    rows: Samples,
    kernel: Kernel,
    grid: Grid,
    machines: list[tuple[Floats, float]],
    spread: float = 1.0,
    mean: float = 0.0,
) -> KernelScores:
    """Machines of the same rows as one; a row that supports none is left out."""
    import numpy as np

    weights = np.stack([found for found, _ in machines], axis=1) * spread
    intercepts = np.array([intercept for _, intercept in machines]) * spread + mean
    used = np.flatnonzero(weights.any(axis=1))
    if not len(used):
        used = np.array([0])  # a constant: the graph wants a row all the same
    factors = np.ones(rows.features.shape[1])
    return KernelScores(kernel, grid, factors, grid.steps(rows.features[used]), weights[used], intercepts)


PART = SVM
