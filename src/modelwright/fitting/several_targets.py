"""Trains a task of several targets: a model for each, on the same features, compiled into one graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.core.errors import ModelwrightError, Problem
from modelwright.core.progress import Progress
from modelwright.fitting.prepared import Prepared
from modelwright.fitting.training import Recipe, Trained
from modelwright.parts.samples import Fitted

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats

TrainOne = Callable[[Prepared, Recipe, Progress], Trained]


def train_each(data: Prepared, recipe: Recipe, train_one: TrainOne, progress: Progress) -> Trained:
    """One model for each target. A portfolio's budget is shared out evenly among them."""
    alone = data.task.of_each(data.schema)
    trained: dict[str, Trained] = {}
    for task, schema in alone:
        view = replace(data, task=task, schema=schema)
        target = task.targets[0]
        progress.say(f"target {target}, {len(trained) + 1} of {len(alone)}")
        try:
            trained[target] = train_one(view, _shared_out(recipe, len(alone)), progress)
        except ModelwrightError as error:
            raise type(error).of(_of_target(problem, target) for problem in error.problems) from error
    return _joined(trained, of_classes=alone[0][0].classification)


def _of_target(problem: Problem, target: str) -> Problem:
    return problem if target in problem.message else replace(problem, message=f"{target}: {problem.message}")


def _shared_out(recipe: Recipe, targets: int) -> Recipe:
    budget = getattr(recipe.model, "budget_s", None)
    if budget is None:
        return recipe
    return replace(recipe, model=recipe.model.model_copy(update={"budget_s": budget / targets}))


def _joined(trained: Mapping[str, Trained], *, of_classes: bool) -> Trained:
    first = next(iter(trained.values()))
    kinds = dict.fromkeys(one.name or one.model.kind for one in trained.values())
    return Trained(
        model=first.model,
        fitted=FittedEach({name: one.fitted for name, one in trained.items()}, of_classes),
        features=first.features,
        judged=first.judged,
        scores=np.stack([_of_one(one.scores) for one in trained.values()], axis=1),
        curve=first.curve if len(trained) == 1 else (),
        leaderboard=[{**row, "target": name} for name, one in trained.items() for row in one.leaderboard],
        fitted_rows=np.unique(np.concatenate([one.fitted_rows for one in trained.values()])),
        chosen_by=first.chosen_by,
        name=f"{' and '.join(kinds)} of each target",
        search={name: dict(one.search) for name, one in trained.items() if one.search},
        durations_s={
            f"{what} ({name})": spent for name, one in trained.items() for what, spent in one.durations_s.items()
        },
    )


def _of_one(scores: Floats) -> Floats:
    """[N]: the values, or the probabilities of the second of two classes."""
    return scores[:, 1] if scores.ndim == 2 else scores


@dataclass(frozen=True)
class FittedEach:
    """A fitted model for each target; scores [N, T] in their order."""

    models: Mapping[str, Fitted]
    of_classes: bool  # each model gives [N, 2], else [N]
    curve: Sequence[Mapping[str, float]] = ()

    @property
    def notes(self) -> Mapping[str, Any]:
        found: dict[str, Any] = {name: dict(model.notes) for name, model in self.models.items()}
        return {**found, "contains_rows": any(notes.get("contains_rows", False) for notes in found.values())}

    @property
    def importance(self) -> Mapping[str, float] | None:
        """The mean over the targets, where each model has some."""
        each = [model.importance for model in self.models.values()]
        known = [shares for shares in each if shares is not None]
        if len(known) < len(each):
            return None
        names = dict.fromkeys(name for shares in known for name in shares)
        return {name: sum(shares.get(name, 0.0) for shares in known) / len(known) for name in names}

    def predict(self, features: Floats) -> Floats:
        return np.stack([_of_one(model.predict(features)) for model in self.models.values()], axis=1)

    def compile(self, graph: GraphBuilder, features: str) -> str:
        columns = []
        for model in self.models.values():
            scores = model.compile(graph, features)
            one = np.array([1])
            columns.append(
                graph.op("Gather", scores, one, axis=1) if self.of_classes else graph.op("Unsqueeze", scores, one)
            )
        return graph.op("Concat", *columns, axis=1)

    def save_native(self, folder: Path) -> None:
        for at, model in enumerate(self.models.values()):
            model.save_native(folder / f"target_{at}")
