"""CatBoost: gradient boosted trees that ask the same question at each level."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from pydantic import Field

from modelwright.core.errors import DataError
from modelwright.parts.base import Model
from modelwright.parts.estimators.boosting import extra, log_linked, refuse_objective
from modelwright.parts.estimators.objectives import OBJECTIVE_TEXT, TWEEDIE_POWER, Aim, Objective, aim, watch
from modelwright.parts.estimators.tree_models import Problem, best_of, fitted_trees, problem, stopped_trees
from modelwright.parts.samples import FitContext, Fitted, Samples

if TYPE_CHECKING:
    from modelwright.graph.trees import Tree
    from modelwright.parts.samples import Floats

OF_CLASSES = {"binary": "Logloss", "multiclass": "MultiClass"}
OBJECTIVES: tuple[Objective, ...] = ("squared_error", "absolute_error", "huber", "quantile", "poisson", "tweedie")
NAME = "catboost.json"
UNSTABLE = ("train_finish_time", "model_guid")  # of its JSON: what differs from run to run


class CatBoost(Model):
    """CatBoost (Prokhorenkova et al., NeurIPS 2018). Choose it for small and middling tables: its symmetric trees
    overfit less, and differ from other boosting, so it helps an average. Install it with
    `pip install 'modelwright[catboost]'`; with what it brings that is about 350 MB.

    Categories are one-hot here, not its own target statistics, which no graph can hold. It is fitted in one thread.
    With validation rows it stops when its loss on them no longer falls.
    """

    kind: Literal["catboost"] = "catboost"
    iterations: int = Field(500, ge=1, le=20_000, description="Most trees.")
    learning_rate: float = Field(0.08, gt=0, le=1, description="Weight of each tree.")
    depth: int = Field(6, ge=1, le=12, description="Questions from root to leaf.")
    l2: float = Field(3, gt=0, le=1e6, description="L2 penalty on leaf values.")
    bagging_fraction: float = Field(0.8, gt=0, le=1, description="Share of rows that each tree sees.")
    borders: int = Field(128, ge=1, le=1024, description="Most thresholds that are tried of a feature.")
    early_stopping_rounds: int | None = Field(50, ge=1, description="Trees without gain before it stops; null: never.")
    objective: Objective = Field("squared_error", description=f"{OBJECTIVE_TEXT} Not gamma.")
    quantile: float = Field(0.5, gt=0, lt=1, description="objective: quantile: which one; 0.9 is above 90 % of values.")
    class_weight: Literal["balanced"] | None = Field(
        None, description="balanced: rare classes count as much as others."
    )

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    needs: ClassVar[frozenset[str]] = frozenset({"one_hot", "float32"})
    continues: ClassVar[bool] = True
    seeded: ClassVar[bool] = True
    folds_in_threads: ClassVar[bool] = True
    search_space: ClassVar[Mapping[str, Any]] = {
        "learning_rate": {"low": 0.02, "high": 0.3, "log": True},
        "depth": {"low": 4, "high": 9, "type": "int"},
        "l2": {"low": 0.1, "high": 100.0, "log": True},
    }

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        library = extra("catboost", self.kind)
        refuse_objective(self.kind, self.objective, OBJECTIVES)
        fitted_to = aim(self.objective, self.quantile, learn, context)
        posed = problem(learn, validation, context, self.class_weight)
        model = library.CatBoost(self._settings(posed, fitted_to))
        start = _start(context)
        if posed.validation is None:
            _fit(model, posed, init_model=start)
            alone = fitted_trees(Oblivious(model, context), posed, model.tree_count_)
            return cast(Fitted, log_linked(alone, fitted_to))
        rounds = self.early_stopping_rounds
        _fit(model, posed, eval_set=_pool(posed.validation), early_stopping_rounds=rounds, init_model=start)
        (values,) = model.get_evals_result()["validation"].values()
        watched = watch(fitted_to, posed.validation, replace(posed.context, metric="rmse"))
        best = best_of(values, watched) if rounds is not None else len(values)
        earlier = model.tree_count_ - len(values)  # an earlier model's trees come before
        noted = watched if rounds is not None else None
        stopped = stopped_trees(Oblivious(model, context), posed, best, values, noted, earlier=earlier)
        return cast(Fitted, log_linked(stopped, fitted_to))

    def _settings(self, posed: Problem, fitted_to: Aim) -> dict[str, Any]:
        losses = {
            "squared_error": "RMSE",
            "absolute_error": "MAE",
            "huber": f"Huber:delta={fitted_to.delta!r}",
            "quantile": f"Quantile:alpha={fitted_to.quantile!r}",
            "poisson": "Poisson",
            "tweedie": f"Tweedie:variance_power={TWEEDIE_POWER}",
        }
        return {
            "loss_function": OF_CLASSES.get(posed.context.task, losses[fitted_to.objective]),
            "iterations": self.iterations,
            "learning_rate": self.learning_rate,
            "depth": self.depth,
            "l2_leaf_reg": self.l2,
            "bootstrap_type": "Bernoulli" if self.bagging_fraction < 1 else "No",
            **({"subsample": self.bagging_fraction} if self.bagging_fraction < 1 else {}),
            "border_count": self.borders,
            "boosting_type": "Plain",
            "use_best_model": False,  # folds choose a common count; see `truncated`
            "random_seed": posed.context.seed,
            "thread_count": 1,
            "allow_writing_files": False,
            "logging_level": "Silent",
        }


@dataclass(frozen=True)
class Oblivious:
    """A model of CatBoost."""

    model: Any
    context: FitContext

    def raw(self, features: Floats, iterations: int) -> Floats:
        import numpy as np

        rows = features.astype(np.float32)
        found: Floats = self.model.predict(rows, prediction_type="RawFormulaVal", ntree_end=iterations, thread_count=1)
        return np.asarray(found, np.float64)

    def trees(self, iterations: int) -> list[Tree]:
        from modelwright.graph.booster_sources import catboost_trees, constant_tree

        scale, biases = self._content["scale_and_bias"]
        features = self._content["features_info"]["float_features"]
        high = [feature["nan_value_treatment"] == "AsTrue" for feature in features]
        found = [constant_tree(float(bias)) for bias in biases]
        for tree in self._content["oblivious_trees"][:iterations]:
            found += catboost_trees(tree, high, float(scale), len(biases))
        return found

    def gains(self, iterations: int) -> Floats:
        import numpy as np

        model = self.model
        if iterations < model.tree_count_:
            model = model.copy()
            model.shrink(iterations)
        return np.asarray(model.get_feature_importance(type="PredictionValuesChange", thread_count=1), np.float64)

    def save(self, folder: Path, iterations: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        content = {**self._content, "oblivious_trees": self._content["oblivious_trees"][:iterations]}
        content["model_info"] = {key: told for key, told in content["model_info"].items() if key not in UNSTABLE}
        (folder / NAME).write_text(json.dumps(content, sort_keys=True), encoding="utf-8")

    @cached_property
    def _content(self) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.json"
            self.model.save_model(str(path), format="json")
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return content


def _start(context: FitContext) -> Any:
    """The earlier model to continue from; None: from nothing."""
    if context.start is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / NAME
        path.write_bytes(context.start.files[NAME])
        return extra("catboost", "catboost").CatBoost().load_model(str(path), format="json")


def _fit(model: Any, posed: Problem, **settings: Any) -> None:
    """DataError where the library refuses the rows, as when no feature varies."""
    try:
        model.fit(_pool(posed.learn), **settings)
    except extra("catboost", "catboost").CatBoostError as error:
        raise DataError(f"catboost: {str(error).splitlines()[0]}", where="train.model") from error


def _pool(samples: Samples) -> Any:
    import numpy as np

    library = extra("catboost", "catboost")
    return library.Pool(samples.features.astype(np.float32), samples.target, weight=samples.weights)


PART = CatBoost
