"""A kernel machine without stored rows: smooth in all numbers at once, and quick to fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.estimators.bounded_rows import bounded_rows
from modelwright.parts.estimators.known_classes import codes_of, of_all_classes
from modelwright.parts.estimators.linear import FittedLinear, Link
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext, Fitted, Samples

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.graph.piecewise import Encoding
    from modelwright.parts.samples import Floats

PIECE = 4096  # rows at a time, as each has two numbers for every frequency
SEARCH_ROWS = 2500  # that the columns' reach is learnt from


class RandomFourier(Model):
    """Ridge or logistic regression on random Fourier features (Rahimi and Recht, NeurIPS 2007), about a Gaussian kernel
    machine, but without rows of your data in the graph. How far each feature reaches is learnt from the slopes of
    earlier fits, as in recursive feature machines (Radhakrishnan et al., Science, 2024), and the penalty by generalized
    cross-validation.

    Choose it for up to some ten thousand rows whose relations are smooth and not along single features, where trees are
    poor; it is quick, and differs from trees, so it helps an ensemble. Numbers are standardized and flattened far out;
    each frequent category becomes a 0/1 column, missing values a flag.
    """

    kind: Literal["random_fourier"] = "random_fourier"
    frequencies: int = Field(512, ge=8, le=8192, description="Frequencies; each gives a cosine and a sine.")
    rounds: int = Field(3, ge=0, le=20, description="How often the reach of each feature is learnt anew.")
    max_rows: int = Field(20_000, ge=100, le=1_000_000, description="Most rows of learn that it is fitted on.")
    max_iter: int = Field(60, ge=1, le=100_000, description="Most iterations of the solver, for classes.")

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    seeded: ClassVar[bool] = True
    folds_in_threads: ClassVar[bool] = True
    search_space: ClassVar[Mapping[str, Any]] = {
        "frequencies": {"low": 64, "high": 2048, "log": True, "type": "int"},
        "rounds": {"low": 0, "high": 6, "type": "int"},
    }

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np

        from modelwright.graph.piecewise import fit_encoding
        from modelwright.parts.estimators import fourier

        names = [feature.name for feature in context.features]
        categories = [at for at, feature in enumerate(context.features) if feature.cardinality is not None]
        rows, _ = bounded_rows(learn, self.max_rows, context.n_classes, context.seed)
        random = np.random.default_rng(context.seed)
        with one_thread():
            encoding = fit_encoding(names, categories, rows.features, bins=1)  # numbers as they are, standardized
            inputs = encoding.apply(rows.features)
            target, mean, spread = _target(rows, context.n_classes)
            weights = np.ones(len(inputs)) if rows.weights is None else rows.weights / rows.weights.mean()
            some = np.sort(random.permutation(len(inputs))[:SEARCH_ROWS])
            factors = fourier.learnt_factors(inputs[some], target[some], weights[some], self.rounds, random)
            frequencies = fourier.drawn(factors, self.frequencies, random)
            shown = fourier.waves(inputs, frequencies)
            found = fourier.ridge(shown, target, weights)
            link: Link = "identity"
            coefficients, intercepts = found.coefficients * spread, found.intercepts * spread + mean
            if context.n_classes:
                link = "logistic" if target.shape[1] == 1 else "softmax"
                coefficients, intercepts = fourier.logistic(found, shown, target, weights, self.max_iter)
        linear = FittedLinear(coefficients.T.copy(), intercepts, link, None)
        bounds = None if context.n_classes else (float(rows.target.min()), float(rows.target.max()))
        # Importance: shares of the squared distance of rows, as the kernel sees them.
        importance = encoding.by_origin(names, (factors * inputs.std(axis=0)) ** 2)
        notes = {"penalty": found.penalty, "fitted_rows": len(inputs)}
        fitted = FittedFourier(encoding, frequencies, linear, bounds, importance, notes)
        return of_all_classes(fitted, rows.target, context.n_classes)


def _target(rows: Samples, n_classes: int) -> tuple[Floats, float, float]:
    """[N, 1] standardized values, their mean and deviation; or [N, K] whether a row is of a class, for two classes the
    second alone."""
    import numpy as np

    if n_classes:
        codes = codes_of(rows.target)
        wanted = codes[1:] if len(codes) == 2 else codes
        return (rows.target[:, None] == wanted).astype(np.float64), 0.0, 1.0
    mean, spread = float(rows.target.mean()), float(rows.target.std()) or 1.0
    return (rows.target[:, None] - mean) / spread, mean, spread


@dataclass(frozen=True)
class FittedFourier:
    """A linear model of the waves [N, 2m] along `frequencies` [P, m] of encoded rows."""

    encoding: Encoding
    frequencies: Floats
    linear: FittedLinear
    bounds: tuple[float, float] | None  # of values: a wave far from all rows of learn may be high
    importance: Mapping[str, float]
    notes: Mapping[str, Any]
    curve: Sequence[Mapping[str, float]] = ()

    def predict(self, features: Floats) -> Floats:
        import numpy as np

        from modelwright.parts.estimators.fourier import waves

        pieces = [features[start : start + PIECE] for start in range(0, max(len(features), 1), PIECE)]
        with one_thread():
            found = [self.linear.predict(waves(self.encoding.apply(piece), self.frequencies)) for piece in pieces]
        said = np.concatenate(found)
        return said if self.bounds is None else np.clip(said, *self.bounds)

    def compile(self, graph: GraphBuilder, features: str) -> str:
        import numpy as np

        from modelwright.graph import steady

        count = self.frequencies.shape[1]
        angles = graph.op("MatMul", self.encoding.compile(graph, features), self.frequencies)
        both = [steady.cosine_matrix(graph, angles, count), steady.sine_matrix(graph, angles, count)]
        said = self.linear.compile(graph, graph.op("Concat", *both, axis=1))
        return said if self.bounds is None else graph.op("Clip", said, *(np.float64(bound) for bound in self.bounds))

    def save_native(self, folder: Path) -> None:
        """Nothing: it is fitted anew in moments."""


PART = RandomFourier
