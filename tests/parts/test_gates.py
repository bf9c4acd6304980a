"""Gates pass, fail or stay undecided, and always say why."""

from dataclasses import dataclass, field

import pytest
from pydantic import ValidationError

from modelwright.parts.bootstrap import Interval
from modelwright.parts.evidence import Comparison
from modelwright.parts.gates.not_worse_than import NotWorseThan
from modelwright.parts.gates.threshold import Threshold


@dataclass
class Found:
    """Evidence with given figures."""

    value: Interval = field(default_factory=lambda: Interval(5.0, 4.0, 6.0, 0.95, 200))
    comparison: object = None

    def interval(self, metric):
        return self.value

    def direction(self, metric):
        return "lower"

    def compare(self, model, metric, confidence):
        return self.comparison


def against(low, high, rows=500):
    gain = Interval((low + high) / 2, low, high, 0.9, rows)
    return Found(comparison=Comparison("rmse", 5.0, 10.0, gain, rows))


@pytest.mark.parametrize(
    ("gate", "outcome"),
    [
        ({"max": 5.0}, "passed"),
        ({"max": 4.9}, "failed"),
        ({"min": 5.0}, "passed"),
        ({"min": 5.1}, "failed"),
        ({"max": 5.5, "bound": "interval"}, "failed"),
        ({"max": 6.0, "bound": "interval"}, "passed"),
        ({"min": 4.5, "bound": "interval"}, "failed"),
    ],
)
def test_threshold(gate, outcome):
    verdict = Threshold(metric="rmse", **gate).decide(Found())
    assert verdict.outcome == outcome
    assert "rmse 5 (4 to 6, 200 rows)" in verdict.message


def test_threshold_without_a_bound_is_no_gate():
    with pytest.raises(ValidationError, match="give min, max or both"):
        Threshold(metric="rmse")


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [(0.1, 0.5, "passed"), (-0.1, 0.1, "passed"), (-0.2, 0.3, "undecided"), (-0.5, -0.2, "failed")],
)
def test_not_worse_than_accepts_a_loss_of_the_margin_at_most(low, high, outcome):
    assert NotWorseThan(metric="rmse", margin=0.01).decide(against(low, high)).outcome == outcome


def test_first_model_passes_and_says_that_there_is_no_champion():
    verdict = NotWorseThan(metric="rmse").decide(Found())
    assert verdict.passed
    assert "no champion yet" in verdict.message


def test_too_few_common_rows_leave_it_undecided_and_that_fails():
    verdict = NotWorseThan(metric="rmse").decide(against(0.1, 0.5, rows=40))
    assert verdict.outcome == "undecided" and not verdict.passed
    assert "only 40 rows" in verdict.message


def test_what_can_not_be_compared_is_undecided_with_the_reason():
    verdict = NotWorseThan(metric="rmse").decide(Found(comparison="it needs columns that are gone: x"))
    assert verdict.outcome == "undecided"
    assert "columns that are gone" in verdict.message
