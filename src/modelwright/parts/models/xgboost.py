"""XGBoost: gradient boosted trees in float32, with native categories and missing values."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.estimators.boosting import extra, log_linked
from modelwright.parts.estimators.monotone import Direction, refuse_with, signs
from modelwright.parts.estimators.objectives import (
    LOG_LINKED,
    OBJECTIVE_TEXT,
    TWEEDIE_POWER,
    Aim,
    Objective,
    Watch,
    aim,
    watch,
)
from modelwright.parts.estimators.tree_models import (
    Problem,
    best_of,
    fitted_trees,
    problem,
    stopped_trees,
    summed_gains,
)
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext, Fitted, Samples, Start

if TYPE_CHECKING:
    from modelwright.graph.trees import Tree
    from modelwright.parts.samples import Floats

OF_CLASSES = {"binary": "binary:logistic", "multiclass": "multi:softprob"}
OBJECTIVES: Mapping[Objective, str] = {
    "squared_error": "reg:squarederror",
    "absolute_error": "reg:absoluteerror",
    "huber": "reg:pseudohubererror",
    "quantile": "reg:quantileerror",
    "poisson": "count:poisson",
    "gamma": "reg:gamma",
    "tweedie": "reg:tweedie",
}
PIECE = 8192  # rows at a time, as each has a number for every tree
LOGISTIC = "binary:logistic"
LOGARITHMIC = ("count:poisson", "reg:gamma", "reg:tweedie")


class XGBoost(Model):
    """XGBoost (Chen and Guestrin, KDD 2016). Choose it beside LightGBM where the last bit of accuracy counts: its trees
    grow level by level and differ enough to help an average. Install it with `pip install 'modelwright[xgboost]'`.

    It computes in float32: the graph takes the same leaves, and adds them up in float64. It is fitted in one thread, as
    its sums depend on the number of threads. With validation rows it stops when its loss on them no longer falls.
    """

    kind: Literal["xgboost"] = "xgboost"
    iterations: int = Field(500, ge=1, le=20_000, description="Most trees (per class).")
    learning_rate: float = Field(0.05, gt=0, le=1, description="Weight of each tree.")
    max_depth: int = Field(6, ge=1, le=20, description="Most splits from root to leaf.")
    min_child_weight: float = Field(1, ge=0, le=1e9, description="Least sum of second derivatives in a leaf.")
    feature_fraction: float = Field(0.7, gt=0, le=1, description="Share of features that each tree sees.")
    bagging_fraction: float = Field(0.9, gt=0, le=1, description="Share of rows that each tree sees.")
    l1: float = Field(0, ge=0, description="L1 penalty on leaf values.")
    l2: float = Field(1, ge=0, description="L2 penalty on leaf values.")
    early_stopping_rounds: int | None = Field(50, ge=1, description="Trees without gain before it stops; null: never.")
    objective: Objective = Field("squared_error", description=OBJECTIVE_TEXT)
    quantile: float = Field(0.5, gt=0, lt=1, description="objective: quantile: which one; 0.9 is above 90 % of values.")
    monotone: dict[str, Direction] = Field(
        {}, description="Features that the prediction may only rise with (increasing), or only fall (decreasing)."
    )
    class_weight: Literal["balanced"] | None = Field(
        None, description="balanced: rare classes count as much as others."
    )

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    needs: ClassVar[frozenset[str]] = frozenset({"float32"})
    seeded: ClassVar[bool] = True
    continues: ClassVar[bool] = True
    folds_in_threads: ClassVar[bool] = True
    search_space: ClassVar[Mapping[str, Any]] = {
        "learning_rate": {"low": 0.01, "high": 0.3, "log": True},
        "max_depth": {"low": 3, "high": 10, "type": "int"},
        "min_child_weight": {"low": 0.1, "high": 100.0, "log": True},
        "feature_fraction": {"low": 0.3, "high": 1.0},
        "bagging_fraction": {"low": 0.5, "high": 1.0},
        "l2": {"low": 0.001, "high": 100.0, "log": True},
    }

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        library = extra("xgboost", self.kind)
        refuse_with(self.monotone, self.objective, ("absolute_error", "quantile"))
        fitted_to = aim(self.objective, self.quantile, learn, context)
        posed = problem(learn, validation, context, self.class_weight)
        scale = _scale(posed, fitted_to) if context.start is None else _earlier_scale(context.start)
        start = None if context.start is None else bytearray(context.start.files["xgboost.json"])
        settings = self._settings(posed, fitted_to, scale)
        data = _matrix(scale.narrowed(posed.learn), context)
        if posed.validation is None:
            booster = library.train(settings, data, self.iterations, xgb_model=start)
            alone = fitted_trees(Boosters(booster, scale, context), posed, booster.num_boosted_rounds())
            return cast(Fitted, log_linked(replace(alone, notes={**alone.notes, **scale.notes}), fitted_to))
        watched = watch(fitted_to, posed.validation, posed.context)
        recorded: dict[str, Any] = {}
        with one_thread():  # the metric
            booster = library.train(
                settings,
                data,
                self.iterations,
                evals=[(_matrix(scale.narrowed(posed.validation), context), "validation")],
                evals_result=recorded,
                custom_metric=_evaluation(watched, scale, posed.context),
                maximize=watched.greater_is_better,
                early_stopping_rounds=self.early_stopping_rounds,
                verbose_eval=False,
                xgb_model=start,
            )
        values = recorded["validation"][watched.name]
        stops = self.early_stopping_rounds is not None
        best = best_of(values, watched) if stops else len(values)
        earlier = booster.num_boosted_rounds() - len(values)  # an earlier model's trees come before
        boosters, noted = Boosters(booster, scale, context), watched if stops else None
        stopped = stopped_trees(boosters, posed, best, values, noted, earlier=earlier)
        return cast(Fitted, log_linked(replace(stopped, notes={**stopped.notes, **scale.notes}), fitted_to))

    def _settings(self, posed: Problem, fitted_to: Aim, scale: Scale) -> dict[str, Any]:
        own: dict[str, Any] = {}
        if self.monotone:
            own["monotone_constraints"] = tuple(signs(self.monotone, posed.whole))
        if posed.context.task == "multiclass":
            own["num_class"] = posed.context.n_classes
        if fitted_to.objective == "huber":
            own["huber_slope"] = fitted_to.delta / scale.deviation
        elif fitted_to.objective == "quantile":
            own["quantile_alpha"] = fitted_to.quantile
        elif fitted_to.objective == "tweedie":
            own["tweedie_variance_power"] = TWEEDIE_POWER
        return own | {
            "objective": OF_CLASSES.get(posed.context.task, OBJECTIVES[fitted_to.objective]),
            "disable_default_eval_metric": 1,
            "tree_method": "hist",
            "learning_rate": self.learning_rate,
            "max_depth": self.max_depth,
            "min_child_weight": self.min_child_weight,
            "colsample_bytree": self.feature_fraction,
            "subsample": self.bagging_fraction,
            "alpha": self.l1,
            "lambda": self.l2,
            "seed": posed.context.seed,
            "nthread": 1,
            "verbosity": 0,
        }


@dataclass(frozen=True)
class Scale:
    """What the target is measured in, so that float32 holds the errors: deviations from a mean."""

    mean: float = 0.0
    deviation: float = 1.0

    @property
    def notes(self) -> dict[str, float]:
        return {} if self == Scale() else {"target_mean": self.mean, "target_deviation": self.deviation}

    def narrowed(self, samples: Samples) -> Samples:
        return replace(samples, target=(samples.target - self.mean) / self.deviation)

    def widened(self, scores: Floats) -> Floats:
        return scores * self.deviation + self.mean


def _scale(posed: Problem, fitted_to: Aim) -> Scale:
    """Of values as they are; classes and logarithms have their own."""
    import numpy as np

    if posed.context.n_classes or fitted_to.objective in LOG_LINKED:
        return Scale()
    return Scale(float(np.mean(posed.learn.target)), float(np.std(posed.learn.target)))


def _earlier_scale(start: Start) -> Scale:
    """That of the model that is continued: its trees are measured in it."""
    return Scale(start.notes.get("target_mean", 0.0), start.notes.get("target_deviation", 1.0))


@dataclass(frozen=True)
class Boosters:
    """A booster of XGBoost, and the scale of what it was fitted to."""

    booster: Any
    scale: Scale
    context: FitContext

    def raw(self, features: Floats, iterations: int) -> Floats:
        """XGBoost finds the leaves; they are added up in float64, as the graph does, where it would use float32."""
        import numpy as np

        trees = self._trees[: iterations * self._outputs]
        values = np.concatenate([np.array(tree["split_conditions"], np.float32) for tree in trees]).astype(np.float64)
        starts = np.cumsum([0, *(len(tree["split_conditions"]) for tree in trees)])[:-1]
        found = np.empty((len(features), self._outputs))
        for start in range(0, len(features), PIECE):
            rows = features[start : start + PIECE]
            data = _matrix(Samples(rows, np.zeros(len(rows))), self.context)
            leaves = self.booster.predict(data, pred_leaf=True, iteration_range=(0, iterations))
            places = leaves.reshape(len(rows), -1).astype(np.int64) + starts
            added = values[places].reshape(len(rows), -1, self._outputs).sum(axis=1)
            found[start : start + PIECE] = self.scale.widened(added + self._margins)
        return found[:, 0] if self._outputs == 1 else found

    def trees(self, iterations: int) -> list[Tree]:
        from modelwright.graph.booster_sources import constant_tree, xgboost_tree

        start = [constant_tree(float(margin)) for margin in self.scale.widened(self._margins)]
        grown = [xgboost_tree(tree) for tree in self._trees[: iterations * self._outputs]]
        return [*start, *(replace(tree, leaves=tree.leaves * self.scale.deviation) for tree in grown)]

    def gains(self, iterations: int) -> Floats:
        import numpy as np

        trees = self._trees[: iterations * self._outputs]
        features = np.concatenate([np.array(tree["split_indices"], np.int64) for tree in trees])
        gains = np.concatenate([np.array(tree["loss_changes"], np.float64) for tree in trees])
        return summed_gains(len(self.context.features), features, gains)

    def save(self, folder: Path, iterations: int) -> None:
        """Of values, the model is of the target in deviations from its mean; the notes say which."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "xgboost.json").write_bytes(bytes(self.booster[:iterations].save_raw("json")))

    @cached_property
    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.booster.save_raw("json"))["learner"]
        return content

    @property
    def _trees(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._content["gradient_booster"]["model"]["trees"]
        return found

    @property
    def _outputs(self) -> int:
        return max(int(self._content["learner_model_param"]["num_class"]), 1)

    @cached_property
    def _margins(self) -> Floats:
        import numpy as np

        return np.array(_base_margins(self._content))


def _base_margins(content: Mapping[str, Any]) -> list[float]:
    """Where each output starts, before any tree; XGBoost stores it as a prediction."""
    parameters = content["learner_model_param"]
    stored: Any = json.loads(parameters["base_score"])
    values = stored if isinstance(stored, list) else [stored]
    outputs = max(int(parameters["num_class"]), 1)
    values = [float(value) for value in values] if len(values) == outputs else [float(values[0])] * outputs
    objective = content["objective"]["name"]
    if objective == LOGISTIC:
        return [math.log(value / (1 - value)) for value in values]
    return [math.log(value) for value in values] if objective in LOGARITHMIC else values


def _evaluation(watched: Watch, scale: Scale, context: FitContext) -> Callable[..., tuple[str, float]]:
    import numpy as np

    def evaluate(found: Floats, _: Any) -> tuple[str, float]:
        scores = scale.widened(np.asarray(found, np.float64))
        if context.task == "binary":
            scores = np.stack([1 - scores, scores], axis=1)
        return watched.name, watched.score(scores)

    return evaluate


def _matrix(samples: Samples, context: FitContext) -> Any:
    import numpy as np

    return extra("xgboost", "xgboost").DMatrix(
        samples.features.astype(np.float32),
        samples.target,
        weight=samples.weights,
        feature_types=["q" if feature.cardinality is None else "c" for feature in context.features],
        enable_categorical=True,
        nthread=1,
    )


PART = XGBoost
