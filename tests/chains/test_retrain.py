"""Retrain: only when it is due, never without a passing gate, and never promoted unasked."""

from __future__ import annotations

import pytest

from modelwright.chains.retrain import retrain
from modelwright.core.errors import GATE_FAILED, ArtifactError
from modelwright.core.progress import Silent
from stages.trips import project


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    made = project(tmp_path_factory.mktemp("exported"))
    made.stages("prepare", "train", "evaluate", "export")
    made.aliases.promote(1)
    return made


@pytest.fixture
def trips(exported, tmp_path):
    return exported.copied(tmp_path)


def alerted(trips):
    """Two weeks of another world, reported; then their trips come in with labels."""
    for seed in (8, 20):
        trips.stage("monitor", data=trips.write("../new.csv", 600, seed=seed, shift=5.0, slope=6.0))
    trips.write("second.csv", 1500, seed=20, shift=5.0, slope=6.0)
    return trips


def test_without_an_alert_nothing_is_done(trips):
    trips.stage("monitor", data=trips.write("../new.csv", 600, seed=9))
    done = retrain(trips.job(), Silent())
    assert done.results == {} and done.challenger is None and done.exit_code == 0


def test_before_any_report_it_is_an_error_unless_forced(trips):
    with pytest.raises(ArtifactError, match="no monitor run yet"):
        retrain(trips.job(), Silent())
    done = retrain(trips.job(), Silent(), force=True)
    assert "trained on this very data" in done.reason and done.challenger is None


def test_alerts_make_a_challenger_and_leave_the_champion(trips):
    done = retrain(alerted(trips).job(), Silent())
    assert done.challenger == 2 and not done.promoted
    assert trips.aliases.current() == {"champion": 1, "challenger": 2}
    assert done.summary["gates"]


def test_promote_makes_it_champion_and_rollback_brings_the_old_one_back(trips):
    assert retrain(alerted(trips).job(), Silent(), promote=True).promoted
    assert trips.aliases.current() == {"champion": 2}
    trips.aliases.rollback()
    assert trips.aliases.current()["champion"] == 1


def test_a_challenger_that_fails_its_gates_goes_nowhere(trips):
    job = alerted(trips).job("evaluate.gates=[{kind: threshold, metric: rmse, max: 0.01}]")
    done = retrain(job, Silent(), promote=True)
    assert done.exit_code == GATE_FAILED and done.challenger is None
    assert trips.aliases.current() == {"champion": 1}


def test_alerts_on_the_old_champion_do_not_count_for_the_new_one(trips):
    retrain(alerted(trips).job(), Silent(), promote=True)
    result = trips.stage("monitor", data=trips.write("../new.csv", 600, seed=9, shift=20.0))
    assert result.summary["status"] == "alert" and not result.summary["retrain"]


def test_a_new_champion_is_not_replaced_for_what_was_wrong_with_the_old_one(trips):
    assert retrain(alerted(trips).job(), Silent(), promote=True).promoted
    trips.write("third.csv", 300, seed=21, shift=5.0, slope=6.0)
    done = retrain(trips.job(), Silent())
    assert done.results == {} and "on the champion" in done.reason
