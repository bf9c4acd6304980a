"""Naive Bayes of what is there and what is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.estimators.class_means import class_means, with_earlier
from modelwright.parts.estimators.kept_numbers import KeptNumbers, kept_numbers
from modelwright.parts.estimators.known_classes import of_all_classes
from modelwright.parts.estimators.linear import FittedLinear
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext, Fitted, Samples

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats


class BernoulliNaiveBayes(Model):
    """Bernoulli naive Bayes (McCallum and Nigam, 1998; scikit-learn's BernoulliNB): each feature is above its threshold
    or not, independently of the others within a class.

    Choose it for many yes/no columns, categories, and short texts, where an absent word tells something too.
    """

    kind: Literal["bernoulli_naive_bayes"] = "bernoulli_naive_bayes"
    threshold: float | Literal["mean"] = Field(
        "mean", description="A feature counts as there when it is above this; mean: above its own mean in learn."
    )
    alpha: float = Field(1.0, gt=0, le=1e6, description="Rows with and without the feature that every class is given.")
    priors: Literal["learn", "equal"] = Field(
        "learn", description="How likely a class is before anything is known of a row: as in learn, or all alike."
    )

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot"})
    continues: ClassVar[bool] = True
    counts: ClassVar[bool] = True
    search_space: ClassVar[Mapping[str, Any]] = {"alpha": {"low": 0.01, "high": 100.0, "log": True}}

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np
        from sklearn.naive_bayes import BernoulliNB

        if context.start is not None:
            thresholds = kept_numbers(context.start)["thresholds"]
        elif self.threshold == "mean":
            thresholds = learn.features.mean(axis=0)
        else:
            thresholds = np.full(learn.features.shape[1], float(self.threshold))
        above = replace(learn, features=(learn.features > thresholds).astype(float))
        above = with_earlier(above, context.start)
        estimator = BernoulliNB(alpha=self.alpha, binarize=None, fit_prior=self.priors == "learn")
        with one_thread(), np.errstate(divide="ignore"):
            estimator.fit(above.features, above.target, sample_weight=above.weights)
        present = estimator.feature_log_prob_
        absent = np.log1p(-np.exp(present))
        intercepts = estimator.class_log_prior_ + absent.sum(axis=1)
        inner = FittedPresence(thresholds, FittedLinear(present - absent, intercepts, "softmax", None))
        kept = KeptNumbers(inner, {**class_means(above), "thresholds": thresholds})
        return of_all_classes(kept, above.target, context.n_classes)


@dataclass(frozen=True)
class FittedPresence:
    """Whether each feature is above its threshold [F], and what follows from that."""

    thresholds: Floats
    inner: FittedLinear

    @property
    def notes(self) -> Mapping[str, Any]:
        return self.inner.notes

    @property
    def curve(self) -> Sequence[Mapping[str, float]]:
        return self.inner.curve

    @property
    def importance(self) -> Mapping[str, float] | None:
        return None

    def predict(self, features: Floats) -> Floats:
        return self.inner.predict((features > self.thresholds).astype(float))

    def compile(self, graph: GraphBuilder, features: str) -> str:
        from modelwright.graph.builder import NUMBER

        above = graph.op("Greater", features, self.thresholds)
        return self.inner.compile(graph, graph.cast(above, NUMBER))

    def save_native(self, folder: Path) -> None:
        """Nothing: it is fitted anew in moments."""


PART = BernoulliNaiveBayes
