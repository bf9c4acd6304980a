"""The first model always finishes, so it is bounded beforehand; with time enough it is what was asked for."""

from __future__ import annotations

import pytest

from fitting.small_tables import prepared
from fitting.test_auto import PLENTY, Said, auto, graph_of, part
from fitting.test_budget import fits
from modelwright.fitting import first_model
from modelwright.fitting.budget import Budget
from modelwright.fitting.first_model import Pace
from modelwright.fitting.members import Candidate

TREES = Candidate("lightgbm", part("models", "lightgbm", iterations=2000))


def slow(monkeypatch, fixed_s, iteration_s):
    def seconds(candidate, fits, iterations):
        return fixed_s + iterations * iteration_s

    monkeypatch.setattr(first_model, "_seconds", seconds)


def test_the_pace_tells_iterations_from_what_comes_before_them(monkeypatch):
    slow(monkeypatch, 3.0, 0.5)
    found = first_model.pace(TREES, fits(prepared("binary")))
    assert (found.fixed_s, found.iteration_s) == pytest.approx((3.0, 0.5))
    slow(monkeypatch, 3.0, 0.0)
    assert first_model.pace(TREES, fits(prepared("binary"))).iteration_s > 0, "a busy machine is no reason to hope"
    assert first_model.pace(Candidate("ridge", part("models", "ridge")), fits(prepared("regression"))) is None
    assert first_model.pace(Candidate("mlp", part("models", "mlp")), fits(prepared("regression"))) is None


def test_bounds_are_coarse_so_that_they_hardly_depend_on_the_clock():
    assert {Pace(1.0, 0.1).iterations_in(1.0 + seconds) for seconds in (26.0, 30.0, 40.0, 51.0)} == {256}
    assert Pace(10.0, 1.0).iterations_in(5.0) == first_model.FEWEST


def test_fewer_iterations_count_more_each():
    some, budget = fits(prepared("binary")), Budget(20)  # two folds at a time: three waves
    found = first_model.bounded(TREES, Pace(0.1, 0.1), some, budget).model
    assert found.iterations == 32 and found.learning_rate == first_model.LARGEST_RATE
    assert found.iterations * 0.1 * 3 <= first_model.SHARE * 20
    enough = first_model.bounded(TREES, Pace(0.1, 0.003), some, budget).model
    assert enough.iterations == 1024 and enough.learning_rate == 0.05
    assert first_model.bounded(TREES, Pace(0.1, 1e-5), some, budget) is TREES


def test_a_model_too_slow_for_the_budget_is_cut_short_and_it_is_said(monkeypatch):
    slow(monkeypatch, 0.0, 0.1)
    said, data = Said(), prepared("regression", skewed=True)
    trained = auto(data, budget_s=10, max_models=1, progress=said)
    assert trained.model.iterations == first_model.FEWEST
    assert trained.search["hurried"] == "lightgbm had 16 iterations at most"
    assert "lightgbm had 16 iterations at most: more would not fit into the budget of 10 s" in said.lines


def test_with_time_enough_nothing_changes(monkeypatch):
    data = prepared("binary")
    usual = auto(data, budget_s=PLENTY)
    monkeypatch.setattr(first_model, "pace", lambda candidate, fits: None)
    assert graph_of(data, auto(data, budget_s=PLENTY)) == graph_of(data, usual)
    assert "hurried" not in usual.search
