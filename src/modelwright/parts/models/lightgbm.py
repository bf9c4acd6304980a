"""Gradient boosted trees with native categories and missing values: the model to beat on tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.estimators.bagging import compile_boosted
from modelwright.parts.estimators.boosting import balanced, gain_shares, log_linked, refuse_class_weight, stopping_notes
from modelwright.parts.estimators.monotone import Direction, refuse_with, signs
from modelwright.parts.estimators.objectives import OBJECTIVE_TEXT, TWEEDIE_POWER, Aim, Objective, Watch, aim, watch
from modelwright.parts.one_thread import one_thread
from modelwright.parts.samples import FitContext, Fitted, Samples

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.graph.trees import Tree
    from modelwright.parts.samples import Floats

OF_CLASSES = {"binary": "binary", "multiclass": "multiclass"}
OBJECTIVES: Mapping[Objective, str] = {
    "squared_error": "regression",
    "absolute_error": "regression_l1",
    "huber": "huber",
    "quantile": "quantile",
    "poisson": "poisson",
    "gamma": "gamma",
    "tweedie": "tweedie",
}
FEW_CELLS = 500_000  # of the matrix; on fewer, threads wait for each other longer than they work
# Rows that say where bins lie: LightGBM's own number, or fewer where columns are many, as it takes twelve bytes a cell
# and more, beside the matrix.
USUALLY_SAMPLED, FEWEST_SAMPLED, SAMPLED_CELLS = 200_000, 50_000, 3_000_000


class LightGBM(Model):
    """LightGBM (Ke et al., NeurIPS 2017). Choose it for tables of mixed columns; it needs no imputation or encoding.

    With validation rows it stops when its loss on them no longer falls; for regression, rmse or mae as `task.metric`,
    or the loss of another `objective`.
    """

    kind: Literal["lightgbm"] = "lightgbm"
    iterations: int = Field(500, ge=1, le=20_000, description="Most trees (per class).")
    learning_rate: float = Field(0.05, gt=0, le=1, description="Weight of each tree.")
    leaves: int = Field(31, ge=2, le=4096, description="Most leaves of a tree.")
    max_depth: int | None = Field(None, ge=1, le=64, description="Most splits from root to leaf.")
    min_leaf_rows: int = Field(20, ge=1, description="Fewest rows in a leaf.")
    feature_fraction: float = Field(0.7, gt=0, le=1, description="Share of features that each tree sees.")
    bagging_fraction: float = Field(0.9, gt=0, le=1, description="Share of rows that each tree sees.")
    l1: float = Field(0, ge=0, description="L1 penalty on leaf values.")
    l2: float = Field(1, ge=0, description="L2 penalty on leaf values.")
    min_category_rows: int = Field(
        100,
        ge=1,
        description="Fewest rows of a category that a split tells from others; less where many have few rows.",
    )
    category_smoothing: float = Field(
        10, ge=0, description="Rows added to each category before a split ranks them: more trusts rare ones less."
    )
    extra_trees: bool = Field(False, description="Draw one threshold for each feature of a split, instead of all.")
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
    seeded: ClassVar[bool] = True
    continues: ClassVar[bool] = True
    folds_in_threads: ClassVar[bool] = True
    search_space: ClassVar[Mapping[str, Any]] = {
        "learning_rate": {"low": 0.01, "high": 0.3, "log": True},
        "leaves": {"low": 8, "high": 256, "log": True, "type": "int"},
        "min_leaf_rows": {"low": 5, "high": 200, "log": True, "type": "int"},
        "feature_fraction": {"low": 0.3, "high": 1.0},
        "bagging_fraction": {"low": 0.5, "high": 1.0},
        "l2": {"low": 0.001, "high": 100.0, "log": True},
    }

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        import lightgbm

        refuse_class_weight(self.class_weight, context)
        refuse_with(self.monotone, self.objective, ("absolute_error", "quantile"))
        fitted_to = aim(self.objective, self.quantile, learn, context)
        threads = context.threads if learn.features.size > FEW_CELLS else 1
        settings = self._settings(replace(context, threads=threads), fitted_to)
        categories = [at for at, feature in enumerate(context.features) if feature.cardinality is not None]
        data = _dataset(balanced(learn, self.class_weight), settings, categories)
        start = _start(context)
        if validation is None:
            booster = lightgbm.train(settings, data, self.iterations, init_model=start)
            count = booster.current_iteration()
            alone = FittedLightGBM(booster, count, context, stopping_notes(count, count, None), ())
            return cast(Fitted, log_linked(alone, fitted_to))
        watched = watch(fitted_to, validation, context)
        recorded: dict[str, Any] = {}
        callbacks = [lightgbm.record_evaluation(recorded)]
        if self.early_stopping_rounds:
            callbacks.append(lightgbm.early_stopping(self.early_stopping_rounds, verbose=False))
        with one_thread():  # the metric; LightGBM itself uses as many as the settings say
            booster = lightgbm.train(
                settings,
                data,
                self.iterations,
                valid_sets=[_dataset(validation, settings, categories, data)],
                valid_names=["validation"],
                feval=_evaluation(watched, context),
                callbacks=callbacks,
                init_model=start,
                keep_training_booster=True,  # else trees after the best are dropped, and no fold could have more
            )
            booster.free_dataset()
        values = recorded["validation"][watched.name]
        best = booster.best_iteration if booster.best_iteration > 0 else booster.current_iteration()
        notes = stopping_notes(best, len(values), watched if self.early_stopping_rounds else None)
        first = 1.0 + booster.current_iteration() - len(values)  # an earlier model's trees come before
        curve = [{"iteration": at + first, "validation": float(value)} for at, value in enumerate(values)]
        return cast(Fitted, log_linked(FittedLightGBM(booster, best, context, notes, curve), fitted_to))

    def _settings(self, context: FitContext, fitted_to: Aim) -> dict[str, Any]:
        own: dict[str, Any] = {"monotone_constraints": signs(self.monotone, context)} if self.monotone else {}
        if fitted_to.objective in ("huber", "quantile"):
            own["alpha"] = fitted_to.delta if fitted_to.objective == "huber" else fitted_to.quantile
        if fitted_to.objective == "tweedie":
            own["tweedie_variance_power"] = TWEEDIE_POWER
        return own | {
            "objective": OF_CLASSES.get(context.task, OBJECTIVES[fitted_to.objective]),
            "num_class": context.n_classes if context.task == "multiclass" else 1,
            "metric": "None",  # its own add up in an order that depends on the number of threads; see `watch`
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "max_depth": self.max_depth or -1,
            "min_data_in_leaf": self.min_leaf_rows,
            "feature_fraction": self.feature_fraction,
            "bagging_fraction": self.bagging_fraction,
            "bagging_freq": 1 if self.bagging_fraction < 1 else 0,
            "lambda_l1": self.l1,
            "lambda_l2": self.l2,
            "min_data_per_group": self.min_category_rows,
            "cat_smooth": self.category_smoothing,
            "extra_trees": self.extra_trees,
            "seed": context.seed,
            "num_threads": context.threads,
            "deterministic": True,
            "force_col_wise": True,  # row-wise histograms add up in an order that depends on the number of threads
            "feature_pre_filter": False,
            "verbosity": -1,
        }


@dataclass(frozen=True)
class FittedLightGBM:
    booster: Any
    iterations: int
    context: FitContext
    notes: Mapping[str, Any]
    curve: Sequence[Mapping[str, float]]

    @property
    def importance(self) -> Mapping[str, float] | None:
        """Share of the total gain."""
        return gain_shares(self.booster.feature_importance("gain", iteration=self.iterations), self.context)

    def truncated(self, iterations: int) -> FittedLightGBM:
        """The same model after fewer (or, if they were computed, more) trees."""
        count = min(iterations, self.booster.current_iteration())
        return replace(self, iterations=count, notes={**self.notes, "iterations": count})

    def predict(self, features: Floats) -> Floats:
        import numpy as np

        scores = np.asarray(self.booster.predict(features, num_iteration=self.iterations, num_threads=1))
        return _of_classes(scores, self.context.task)

    def raw(self, features: Floats) -> Floats:
        """Sums of leaves: [N], or [N, K] for several classes."""
        import numpy as np

        return np.asarray(self.booster.predict(features, raw_score=True, num_iteration=self.iterations, num_threads=1))

    def trees(self) -> list[Tree]:
        from modelwright.graph.tree_sources import lightgbm_trees

        return lightgbm_trees(self.booster.model_to_string(num_iteration=self.iterations))

    def compile(self, graph: GraphBuilder, features: str) -> str:
        return compile_boosted(graph, features, self.trees(), self.context)

    def save_native(self, folder: Path) -> None:
        text = self.booster.model_to_string(num_iteration=self.iterations)
        folder.mkdir(parents=True, exist_ok=True)
        # How many threads fitted it makes no difference, so it shall make none to the file.
        (folder / "lightgbm.txt").write_text(re.sub(r"\[num_threads: -?\d+\]\n", "", text), encoding="utf-8")


def _start(context: FitContext) -> Any:
    """The earlier booster to continue from; None: from nothing."""
    import lightgbm

    if context.start is None:
        return None
    return lightgbm.Booster(model_str=context.start.files["lightgbm.txt"].decode())


def _evaluation(watched: Watch, context: FitContext) -> Callable[..., tuple[str, float, bool]]:
    import numpy as np

    return lambda scores, _: (
        watched.name,
        watched.score(_of_classes(np.asarray(scores), context.task)),
        watched.greater_is_better,
    )


def _of_classes(scores: Floats, task: str) -> Floats:
    """LightGBM's answer as probabilities [N, K], or values [N]."""
    import numpy as np

    return np.stack([1 - scores, scores], axis=1) if task == "binary" else scores


def _dataset(samples: Samples, settings: Mapping[str, Any], categories: list[int], reference: Any = None) -> Any:
    import lightgbm

    kept = ("verbosity", "num_threads", "deterministic", "feature_pre_filter")
    sampled = max(FEWEST_SAMPLED, min(USUALLY_SAMPLED, SAMPLED_CELLS // samples.features.shape[1]))
    return lightgbm.Dataset(
        samples.features,
        samples.target,
        weight=samples.weights,
        reference=reference,
        categorical_feature=categories,
        params={**{key: settings[key] for key in kept}, "bin_construct_sample_cnt": sampled},
    )


PART = LightGBM
