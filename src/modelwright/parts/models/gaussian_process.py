"""A distribution over smooth functions, updated by the rows."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.errors import DataError, SpecError
from modelwright.parts.base import Model
from modelwright.parts.estimators.bounded_rows import bounded_rows
from modelwright.parts.estimators.kernels import Kernel, KernelScores
from modelwright.parts.estimators.known_classes import codes_of, of_all_classes
from modelwright.parts.estimators.margins import FittedScores
from modelwright.parts.estimators.platt import plain_sigmoids
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext, Fitted, Samples

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats

SMOOTHNESS = 1.5  # of the matern kernel: functions that have one derivative
HEIGHTS, LENGTHS, NOISES = (1e-2, 1e3), (1e-2, 1e3), (1e-4, 1e1)  # bounds of what is searched


class GaussianProcess(Model):
    """Gaussian process regression, and classification by Laplace's approximation (Rasmussen and Williams, 2006;
    scikit-learn's GaussianProcessRegressor and GaussianProcessClassifier). Several classes are told apart one against
    the rest; a class's probability is that of its most likely function, not averaged over functions.

    Choose it for some hundred rows of few smooth numbers, such as measurements of a machine or an experiment. The rows
    **are in the graph: it contains rows of your data**. Its time grows with the cube of the rows, so at most `max_rows`
    are drawn from learn, and the kernel's settings are found on `search_rows` of them. Weights count in regression: a
    row of weight w has its noise divided by w.
    """

    kind: Literal["gaussian_process"] = "gaussian_process"
    kernel: Literal["rbf", "matern"] = Field("rbf", description="rbf: very smooth functions; matern: rougher ones.")
    length_scales: Literal["one", "each"] = Field(
        "one", description="How far features reach: one length for all, or one for each; that takes longer."
    )
    max_rows: int = Field(1000, ge=2, le=3000, description="Most rows of learn that it is fitted on.")
    search_rows: int = Field(300, ge=2, le=1000, description="Most rows that the kernel's settings are found on.")

    contains_rows: ClassVar[bool] = True
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot", "scaled"})
    search_space: ClassVar[Mapping[str, Any]] = {
        "kernel": {"choices": ["rbf", "matern"]},
        "length_scales": {"choices": ["one", "each"]},
    }

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np

        if context.n_classes and learn.weights is not None:
            raise SpecError(
                f"gaussian_process takes no weights for {context.task}",
                where="train.model",
                hint="give no column role: weight, or use svm, which takes them",
            )
        rows, notes = bounded_rows(learn, self.max_rows, context.n_classes, context.seed)
        searched, _ = bounded_rows(rows, self.search_rows, context.n_classes, context.seed)
        with warnings.catch_warnings(), one_thread():
            warnings.simplefilter("ignore")  # of settings at their bounds
            try:
                if not context.n_classes:
                    return self._fit_values(rows, searched, notes)
                return self._fit_classes(rows, searched, notes, context.n_classes)
            except np.linalg.LinAlgError as error:
                raise DataError(f"gaussian_process: {error}", where="train.model", hint="use svm") from error

    def _fit_values(self, rows: Samples, searched: Samples, notes: Mapping[str, Any]) -> Fitted:
        import numpy as np
        from scipy.linalg import cho_factor, cho_solve
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import WhiteKernel

        rows, searched = _weighing(rows), _weighing(searched)
        mean, spread = float(np.mean(rows.target)), float(np.std(rows.target)) or 1.0
        search = GaussianProcessRegressor(self._prior(rows.features.shape[1]) + WhiteKernel(0.1, NOISES), alpha=1e-10)
        search.fit(searched.features, (searched.target - mean) / spread)
        noise = float(search.kernel_.k2.noise_level)
        scores = self._scores(search.kernel_.k1, rows.features)
        covariance = scores.kernel.between(scores.stored, scores.stored, scores.grid.step) * scores.weights[0, 0]
        weights = np.ones(len(rows.target)) if rows.weights is None else rows.weights / rows.weights.mean()
        covariance[np.diag_indices_from(covariance)] += noise / weights
        solved = cho_solve(cho_factor(covariance, lower=True), (rows.target - mean) / spread)
        scores = replace(scores, weights=scores.weights * solved[:, None] * spread, intercepts=np.array([mean]))
        told = {"stored_rows": len(rows.target), "contains_rows": True, "noise": noise * spread**2}
        return FittedScores(scores, None, {**notes, **told})

    def _fit_classes(self, rows: Samples, searched: Samples, notes: Mapping[str, Any], n_classes: int) -> Fitted:
        codes = codes_of(rows.target)
        wanted = codes[1:] if len(codes) == 2 else codes
        found = tuple(self._fit_class(rows, searched, code) for code in wanted.tolist())
        fitted = FittedScores(SideBySide(found), plain_sigmoids(len(found)), {**notes, "contains_rows": True})
        return of_all_classes(fitted, rows.target, n_classes)

    def _fit_class(self, rows: Samples, searched: Samples, code: int) -> KernelScores:
        from sklearn.gaussian_process import GaussianProcessClassifier

        prior = self._prior(rows.features.shape[1])
        search = GaussianProcessClassifier(prior).fit(searched.features, searched.target == code)
        scores = self._scores(search.kernel_, rows.features)
        features = scores.stored * scores.grid.step / scores.factors
        posterior = GaussianProcessClassifier(search.kernel_, optimizer=None).fit(features, rows.target == code)
        binary = posterior.base_estimator_
        return replace(scores, weights=scores.weights * (binary.y_train_ - binary.pi_)[:, None])

    def _prior(self, features: int) -> Any:
        """Where the search starts: a reach that grows with how far apart rows of so many features are."""
        import numpy as np
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern

        length: Any = float(np.sqrt(features))
        if self.length_scales == "each":
            length = np.full(features, length)
        kernel = RBF(length, LENGTHS) if self.kernel == "rbf" else Matern(length, LENGTHS, nu=SMOOTHNESS)
        return ConstantKernel(1.0, HEIGHTS) * kernel

    def _scores(self, prior: Any, features: Floats) -> KernelScores:
        """The kernel that was found, beside all rows; each row's weight is the kernel's height so far."""
        import numpy as np

        from modelwright.graph.stored_rows import Grid

        lengths = np.broadcast_to(prior.k2.length_scale, features.shape[1:])
        shortest = float(lengths.min())  # features are divided by their length, the shortest of which is in the rate
        factors = shortest / lengths
        rate = (0.5 if self.kernel == "rbf" else 2 * SMOOTHNESS) / shortest**2
        grid = Grid.for_rows(features * factors)
        weights = np.full((len(features), 1), float(prior.k1.constant_value))
        stored = grid.steps(features * factors)
        return KernelScores(Kernel(self.kernel, rate), grid, factors, stored, weights, np.zeros(1))


@dataclass(frozen=True)
class SideBySide:
    """The scores of several classes, [N, 1] each, as [N, k]."""

    columns: Sequence[KernelScores]

    def of(self, features: Floats) -> Floats:
        import numpy as np

        return np.concatenate([scores.of(features) for scores in self.columns], axis=1)

    def compile(self, graph: GraphBuilder, features: str) -> str:
        columns = [scores.compile(graph, features) for scores in self.columns]
        return columns[0] if len(columns) == 1 else graph.op("Concat", *columns, axis=1)


def _weighing(rows: Samples) -> Samples:
    """Without the rows whose weight is 0, as their noise would be infinite."""
    if rows.weights is None:
        return rows
    kept = rows.weights > 0
    if not kept.any():
        raise DataError("gaussian_process: no row that it drew has a weight above 0", where="train.model")
    return Samples(rows.features[kept], rows.target[kept], rows.weights[kept])


PART = GaussianProcess
