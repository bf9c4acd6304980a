"""Naive Bayes of counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from modelwright.core.errors import DataError
from modelwright.parts.base import Model
from modelwright.parts.estimators.class_means import class_means, with_earlier
from modelwright.parts.estimators.kept_numbers import KeptNumbers
from modelwright.parts.estimators.known_classes import of_all_classes
from modelwright.parts.estimators.linear import FittedLinear
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext, Fitted, Samples


class MultinomialNaiveBayes(Model):
    """Multinomial naive Bayes (Manning, Raghavan and Schütze, 2008, chapter 13; scikit-learn's MultinomialNB).

    Choose it for texts as `tfidf` or `count` makes them, or for columns that count things: all features must be 0 or
    more. Large amounts among small counts drown them; Gaussian naive Bayes is for such columns.
    """

    kind: Literal["multinomial_naive_bayes"] = "multinomial_naive_bayes"
    alpha: float = Field(1.0, gt=0, le=1e6, description="What every class is given of each feature: more is simpler.")
    priors: Literal["learn", "equal"] = Field(
        "learn", description="How likely a class is before anything is known of a row: as in learn, or all alike."
    )

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})
    needs: ClassVar[frozenset[str]] = frozenset({"finite", "one_hot"})
    continues: ClassVar[bool] = True
    counts: ClassVar[bool] = True
    search_space: ClassVar[Mapping[str, Any]] = {"alpha": {"low": 0.001, "high": 10.0, "log": True}}

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import numpy as np
        from sklearn.naive_bayes import MultinomialNB

        least = learn.features.min(axis=0)
        if (least < 0).any():
            at = int(np.argmax(least < 0))
            raise DataError(
                f'{self.kind} counts, and the feature "{context.features[at].name}" goes down to {least[at]:g}',
                where="train.model",
                hint="{kind: min_max} brings features to 0 and more; gaussian_naive_bayes takes them as they are",
            )
        learn = with_earlier(learn, context.start)
        estimator = MultinomialNB(alpha=self.alpha, fit_prior=self.priors == "learn")
        with one_thread(), np.errstate(divide="ignore"):
            estimator.fit(learn.features, learn.target, sample_weight=learn.weights)
        inner = FittedLinear(estimator.feature_log_prob_, estimator.class_log_prior_, "softmax", None)
        return of_all_classes(KeptNumbers(inner, class_means(learn)), learn.target, context.n_classes)


PART = MultinomialNaiveBayes
