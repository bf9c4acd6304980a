"""A chain of stages: what it tells on the way, and where it ends."""

from __future__ import annotations

import pytest

from modelwright.chains.run import run, run_stage
from modelwright.core.errors import SpecError
from modelwright.core.progress import Silent
from stages.trips import project


class Heard(Silent):
    """Keeps what was said."""

    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)


@pytest.fixture
def trips(tmp_path):
    return project(tmp_path)


def test_a_chain_ends_where_it_is_told_to_or_where_a_gate_fails(trips):
    assert [stage for stage, _ in run(trips.job(), Silent(), to="train")] == ["prepare", "train"]
    failing = trips.job("evaluate.gates=[{kind: threshold, metric: rmse, max: 0.01}]")
    assert [stage for stage, _ in run(failing, Silent())] == ["prepare", "train", "evaluate"]
    with pytest.raises(SpecError, match="not a stage"):
        list(run(trips.job(), Silent(), to="serve"))


def test_only_what_depends_on_a_change_is_run_again(trips):
    list(run(trips.job(), Silent()))
    again = {stage: result.cached for stage, result in run(trips.job("train.model.alpha=2"), Silent())}
    assert again == {"prepare": True, "train": False, "evaluate": False, "export": False}
    same = {stage: result.cached for stage, result in run(trips.job("serve.port=9000"), Silent())}
    assert all(same.values())


@pytest.mark.parametrize(
    ("split", "warned"), [("{kind: time, column: at, validation: 0.2, test: 0.2}", True), ("random", False)]
)
def test_random_folds_of_a_split_by_time_are_warned_of(trips, split, warned):
    changes = (f"prepare.split={split}", "train.validation={kind: kfold, folds: 2}")
    trips.stage("prepare", *changes)
    heard = Heard()
    run_stage("train", trips.job(*changes), heard)
    assert any("folds are drawn at random" in line for line in heard.lines) is warned
