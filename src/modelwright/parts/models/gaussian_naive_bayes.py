"""Naive Bayes where each number is normally distributed within each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.estimators.known_classes import of_all_classes
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext, Fitted, Samples

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats


class GaussianNaiveBayes(Model):
    """Gaussian naive Bayes (Hand and Yu, "Idiot's Bayes: not so stupid after all?", 2001; scikit-learn's GaussianNB).

    Choose it for a baseline in a moment, on a few hundred rows of roughly bell-shaped numbers. A column of two values,
    as categories are once they are one-hot, counts as there or not, since it is no bell (scikit-learn's BernoulliNB).
    Its labels are often better than its probabilities, which are too sure wherever columns repeat each other.
    """

    kind: Literal["gaussian_naive_bayes"] = "gaussian_naive_bayes"
    var_smoothing: float = Field(
        1e-9, gt=0, le=1, description="Added to each variance, as share of the largest one: more is simpler."
    )
    alpha: float = Field(
        1.0, gt=0, le=1e6, description="Columns of two values: rows with and without it that every class is given."
    )
    priors: Literal["learn", "equal"] = Field(
        "learn", description="How likely a class is before anything is known of a row: as in learn, or all alike."
    )

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot", "scaled"})
    search_space: ClassVar[Mapping[str, Any]] = {"var_smoothing": {"low": 1e-9, "high": 0.1, "log": True}}

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np

        least, greatest = learn.features.min(axis=0), learn.features.max(axis=0)
        between = ((learn.features != least) & (learn.features != greatest)).any(axis=0)
        numbers, flags = np.flatnonzero(between), np.flatnonzero(~between)
        codes, places = np.unique(learn.target, return_inverse=True)
        weights = np.ones(len(places)) if learn.weights is None else learn.weights
        counts = np.bincount(places, weights)
        with np.errstate(divide="ignore"):  # a class whose weights are all 0
            priors = np.zeros(len(codes)) if self.priors == "equal" else np.log(counts / counts.sum())
        bells = self._bells(learn.features[:, numbers], learn)
        middles = least[flags] + (greatest[flags] - least[flags]) / 2
        presence = self._presence(learn.features[:, flags] > middles, learn)
        inner = FittedNaiveBayes(numbers, *bells, flags, middles, *presence, priors)
        return of_all_classes(inner, learn.target, context.n_classes)

    def _bells(self, features: Floats, learn: Samples) -> tuple[Floats, Floats]:
        """Means and precisions (one over the deviation) [K, numbers]."""
        import numpy as np
        from sklearn.naive_bayes import GaussianNB

        if not features.shape[1]:
            empty = np.empty((len(np.unique(learn.target)), 0))
            return empty, empty
        estimator = GaussianNB(var_smoothing=self.var_smoothing)
        with one_thread():
            estimator.fit(features, learn.target, sample_weight=learn.weights)
        return estimator.theta_, 1 / np.sqrt(estimator.var_)

    def _presence(self, above: NDArray[np.bool_], learn: Samples) -> tuple[Floats, Floats]:
        """What a value that is above its middle adds to the score [K, flags], and what all that are not add [K]."""
        import numpy as np
        from sklearn.naive_bayes import BernoulliNB

        if not above.shape[1]:
            known = len(np.unique(learn.target))
            return np.empty((known, 0)), np.zeros(known)
        estimator = BernoulliNB(alpha=self.alpha, binarize=None)
        with one_thread(), np.errstate(divide="ignore"):
            estimator.fit(above.astype(float), learn.target, sample_weight=learn.weights)
        present: Floats = estimator.feature_log_prob_
        absent = np.log1p(-np.exp(present))
        return present - absent, absent.sum(axis=1)


@dataclass(frozen=True)
class FittedNaiveBayes:
    """`numbers` and `flags` are the places of the columns of either sort; the rest is by class [K, …]."""

    numbers: NDArray[np.int64]
    means: Floats
    precisions: Floats
    flags: NDArray[np.int64]
    middles: Floats  # [flags]
    presences: Floats
    absence: Floats
    priors: Floats
    notes: Mapping[str, Any] = field(default_factory=dict)
    curve: Sequence[Mapping[str, float]] = ()
    importance: Mapping[str, float] | None = None

    @property
    def constants(self) -> Floats:
        """[K]: what each class has before the row is looked at."""
        import numpy as np

        tops: Floats = np.log(self.precisions / np.sqrt(2 * np.pi)).sum(axis=1)
        return self.priors + self.absence + tops

    def predict(self, features: Floats) -> Floats:
        import numpy as np

        values, above = features[:, self.numbers], (features[:, self.flags] > self.middles).astype(float)
        with one_thread():
            scores = above @ self.presences.T + self.constants
        for at, (mean, precision) in enumerate(zip(self.means, self.precisions, strict=True)):
            scores[:, at] -= 0.5 * (((values - mean) * precision) ** 2).sum(axis=1)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        probabilities: Floats = powers / powers.sum(axis=1, keepdims=True)
        return probabilities

    def compile(self, graph: GraphBuilder, features: str) -> str:
        import numpy as np

        from modelwright.graph import steady
        from modelwright.graph.builder import NUMBER

        terms: list[str] = []
        if len(self.flags):
            above = graph.op("Greater", graph.op("Gather", features, self.flags, axis=1), self.middles)
            terms.append(graph.op("MatMul", graph.cast(above, NUMBER), self.presences.T))
        if len(self.numbers):
            values = graph.op("Gather", features, self.numbers, axis=1)
            rows = graph.op("Unsqueeze", values, np.array([1]))  # [N, 1, numbers]
            deviations = graph.op("Mul", graph.op("Sub", rows, self.means), self.precisions)
            halves = np.full((len(self.numbers), 1), -0.5)
            squares = graph.op("MatMul", graph.op("Mul", deviations, deviations), halves)  # [N, K, 1]
            terms.append(graph.op("Squeeze", squares, np.array([2])))
        scores = graph.op("Add", terms[0], self.constants)
        if len(terms) > 1:
            scores = graph.op("Add", scores, terms[1])
        return steady.softmax(graph, scores, len(self.means))

    def save_native(self, folder: Path) -> None:
        """Nothing: it is fitted anew in moments."""


PART = GaussianNaiveBayes
