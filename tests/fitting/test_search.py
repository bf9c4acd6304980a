"""A search finds the optimum, tries the spec's own settings first, and a killed one goes on where it was."""

import pytest

from modelwright.core.errors import ArtifactError, DataError
from modelwright.fitting.search import search
from modelwright.parts import catalog
from modelwright.parts.space import dimension

SPACE = {"x": dimension({"low": -5.0, "high": 5.0}), "n": dimension({"low": 1, "high": 8, "type": "int"})}


def bowl(parameters):
    return (parameters["x"] - 2) ** 2 + (parameters["n"] - 3) ** 2


def run(folder, sampler="tpe", objective=bowl, space=SPACE, **options):
    settings = {
        "direction": "lower",
        "trials": 30,
        "timeout_s": None,
        "defaults": {"x": 0.5, "n": 8},
        "seed": 3,
        "on_trial": lambda trial: None,
        **options,
    }
    return search(objective, space, catalog.load("samplers", sampler)(), database=folder / "study.db", **settings)


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
def test_search_finds_a_good_point_and_repeats_exactly(tmp_path, sampler):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = run(tmp_path / "a", sampler), run(tmp_path / "b", sampler)
    assert first == second
    assert first.best.score == min(trial.score for trial in first.trials) < 6


def test_the_model_as_written_is_the_first_trial(tmp_path):
    assert run(tmp_path, trials=3).trials[0].parameters == {"x": 0.5, "n": 8}


class Killed(BaseException):
    pass


@pytest.mark.parametrize("sampler", ["tpe", "grid"])
def test_a_killed_search_goes_on_and_finds_what_it_would_have_found(tmp_path, sampler):
    (tmp_path / "whole").mkdir()
    (tmp_path / "cut").mkdir()
    calls = []

    def dies_at_the_seventh(parameters):
        calls.append(parameters)
        if len(calls) == 7:
            raise Killed
        return bowl(parameters)

    with pytest.raises(Killed):
        run(tmp_path / "cut", sampler, dies_at_the_seventh, trials=12)
    resumed = run(tmp_path / "cut", sampler, trials=12)
    assert resumed.resumed == 6
    assert resumed.trials == run(tmp_path / "whole", sampler, trials=12).trials


def test_grid_ends_when_all_is_tried(tmp_path):
    space = {"kernel": dimension({"choices": ["a", "b"]}), "n": dimension({"low": 1, "high": 2, "type": "int"})}
    found = run(tmp_path, "grid", lambda parameters: parameters["n"], space, defaults={}, trials=100)
    assert len(found.trials) == 4
    assert found.stopped == "all 4 combinations"


def test_parameters_that_can_not_be_fitted_do_not_end_the_search(tmp_path):
    def picky(parameters):
        if parameters["n"] > 4:
            raise DataError("too many")
        return bowl(parameters)

    found = run(tmp_path, objective=picky)
    assert {trial.error for trial in found.trials} == {None, "too many"}
    assert found.best.parameters["n"] <= 4


def test_an_undefined_score_is_a_trial_that_failed(tmp_path):
    """It must not be forgotten: the search would never end."""
    found = run(tmp_path, objective=lambda parameters: float("nan") if parameters["n"] > 4 else bowl(parameters))
    assert len(found.trials) == 30
    assert {trial.error for trial in found.trials} == {None, "the score is nan"}


def test_no_fitting_trial_at_all_is_an_error(tmp_path):
    def impossible(parameters):
        raise DataError("never")

    with pytest.raises(ArtifactError, match="never"):
        run(tmp_path, objective=impossible, trials=2)


def test_time_limit_ends_the_search_with_what_it_has(tmp_path):
    found = run(tmp_path, timeout_s=1e-9)
    assert len(found.trials) == 1
    assert "time limit" in found.stopped
