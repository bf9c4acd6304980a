"""Searches a space of parameters with Optuna; every trial is in SQLite at once, so a killed search goes on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

from modelwright.core.errors import ArtifactError, DataError
from modelwright.core.seeds import child_seed
from modelwright.parts.base import Sampler
from modelwright.parts.space import Choices, Range

Space = Mapping[str, Range | Choices]
Objective = Callable[[Mapping[str, Any]], float]


@dataclass(frozen=True)
class Trial:
    """One set of parameters and its score; `error` where it could not be fitted."""

    number: int
    parameters: Mapping[str, Any]
    score: float | None
    error: str | None = None


@dataclass(frozen=True)
class Found:
    """`resumed` says how many trials were there before, `stopped` why the search ended."""

    best: Trial
    trials: tuple[Trial, ...]
    resumed: int
    stopped: str


def search(
    objective: Objective,
    space: Space,
    sampler: Sampler,
    *,
    database: Path,
    direction: str,
    trials: int,
    timeout_s: float | None,
    defaults: Mapping[str, Any],
    seed: int,
    on_trial: Callable[[Trial], None],
) -> Found:
    """Run trials until there are `trials` of them; the first one is the model as the spec has it.

    Each trial's sampler is seeded by its number: a search that was killed and goes on finds what it would have found.
    """
    study = _study(database, direction)
    resumed = len(_finished(study))
    planned = sampler.fixed(space)
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    stopped = f"{trials} trials"
    while len(done := _finished(study)) < trials:
        if deadline is not None and time.monotonic() >= deadline and done:
            stopped = f"the time limit of {timeout_s:g} s"
            break
        if planned is not None:
            tried = [trial.params for trial in done]
            open_ = [parameters for parameters in planned if parameters not in tried]
            if not open_:
                stopped = f"all {len(planned)} combinations"
                break
            _enqueue(study, open_[0])
        elif not done and all(dimension.holds(defaults.get(name)) for name, dimension in space.items()):
            _enqueue(study, {name: defaults[name] for name in space})
        study.sampler = sampler.build(space, child_seed(seed, "trial", len(done)))
        on_trial(_one(study, study.ask(), space, objective))
    return _found(study, direction, resumed, stopped)


def _study(database: Path, direction: str) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.RDBStorage(f"sqlite:///{database}", engine_kwargs={"connect_args": {"timeout": 30}})
    study = optuna.create_study(
        study_name="tune",
        storage=storage,
        direction="maximize" if direction == "higher" else "minimize",
        load_if_exists=True,
    )
    for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        # We hold the stage's lock, so whoever ran this trial is dead; it is drawn again, from the same seed.
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return study


def _enqueue(study: optuna.Study, parameters: Mapping[str, Any]) -> None:
    if not study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.WAITING,)):  # left by a killed search
        study.enqueue_trial(dict(parameters))


def _one(study: optuna.Study, asked: optuna.Trial, space: Space, objective: Objective) -> Trial:
    parameters = {name: dimension.suggest(asked, name) for name, dimension in space.items()}
    try:
        score = objective(parameters)
        if not math.isfinite(score):  # Optuna would forget such a trial, and the search never end
            raise DataError(f"the score is {score}")
    except DataError as error:  # these parameters don't fit this data; others may
        asked.set_user_attr("error", str(error.problems[0]))
        study.tell(asked, state=optuna.trial.TrialState.FAIL)
        return Trial(asked.number, parameters, None, str(error.problems[0]))
    study.tell(asked, score)
    return Trial(asked.number, parameters, score)


def _finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Trials with a score, or with parameters that could not be fitted; not those of a process that died."""
    return [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state is optuna.trial.TrialState.COMPLETE or "error" in trial.user_attrs
    ]


def _found(study: optuna.Study, direction: str, resumed: int, stopped: str) -> Found:
    finished = [
        Trial(place, trial.params, trial.value, trial.user_attrs.get("error"))
        for place, trial in enumerate(_finished(study))
    ]
    scored = [trial for trial in finished if trial.score is not None]
    if not scored:
        why = finished[0].error if finished else "none was started"
        raise ArtifactError(f"no trial could be fitted; the first one: {why}", hint="narrow tune.space")
    sign = -1 if direction == "higher" else 1
    best = min(scored, key=lambda trial: (sign * (trial.score or 0.0), trial.number))
    return Found(best, tuple(finished), resumed, stopped)
