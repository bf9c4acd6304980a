"""Drift tests agree with SciPy, keep quiet when nothing changed, and speak up when something did."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from modelwright.core.columns import Column
from modelwright.fitting.drift import chance, compare_with_profile, drift_tests, holm, retrain_due, worst
from modelwright.tables.profiles import build

COLUMNS = [Column("x", "number"), Column("city", "category")]
CITIES = np.array(["kyiv", "lviv", "odesa", "dnipro"])


def table(rows, seed, *, shift=0.0, missing=0.0, odds=(0.4, 0.3, 0.2, 0.1), unseen=False):
    random = np.random.default_rng(seed)
    x = random.normal(shift, 1, rows)
    city = random.choice(CITIES, rows, p=odds)
    if unseen:
        city[: rows // 5] = "paris"
    return pa.table({"x": pa.array(x, mask=random.random(rows) < missing), "city": pa.array(city)})


def drifts(reference, current, alpha=0.01, effect=0.05):
    profile = build(reference, COLUMNS)
    found = compare_with_profile(current, profile, ["x", "city"], drift_tests("auto"), alpha=alpha, effect=effect)
    return {drift.column: drift for drift in found}


def test_ks_is_close_to_the_exact_statistic():
    reference, current = table(20_000, 1), table(5_000, 2, shift=0.2)
    found = drifts(reference, current)["x"]
    exact = stats.ks_2samp(reference["x"].to_numpy(), current["x"].to_numpy())
    assert found.effect == pytest.approx(exact.statistic, abs=0.005)


def test_chi2_equals_scipy():
    reference, current = table(3_000, 1), table(2_000, 2, odds=(0.38, 0.32, 0.2, 0.1))
    counts = [[side["city"].to_pylist().count(city) for city in CITIES] for side in (reference, current)]
    expected = stats.chi2_contingency(counts, correction=False)
    assert drifts(reference, current)["city"].p_value == pytest.approx(expected.pvalue)


def test_no_drift_is_quiet_nearly_always():
    reference = table(5_000, 0)
    statuses = [
        worst(drift.status for drift in drifts(reference, table(2_000, seed)).values()) for seed in range(1, 101)
    ]
    assert statuses.count("quiet") >= 98  # alpha is 0.01 per report, and an effect is demanded too
    assert "alert" not in statuses


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"shift": 0.5}, "x"),
        ({"missing": 0.3}, "x"),
        ({"odds": (0.1, 0.2, 0.3, 0.4)}, "city"),
        ({"unseen": True}, "city"),
    ],
)
def test_a_changed_column_raises_an_alert_and_the_other_stays_quiet(change, column):
    found = drifts(table(8_000, 1), table(3_000, 2, **change))
    assert found[column].status == "alert"
    assert {drift.status for name, drift in found.items() if name != column} == {"quiet"}


def test_a_tiny_change_in_a_large_window_is_not_worth_a_warning():
    found = drifts(table(200_000, 1), table(200_000, 2, shift=0.03))["x"]
    assert found.p_value < 1e-6
    assert found.status == "quiet"


def test_holm_matches_its_definition():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_chance_shrinks_with_rows_and_grows_with_columns():
    assert chance(100, 100, 1, 0.01) > chance(1000, 1000, 1, 0.01)
    assert chance(100, 100, 50, 0.01) > chance(100, 100, 1, 0.01)


def test_retraining_is_due_after_enough_alerts():
    rule = {"after": 2, "of": 3}
    assert retrain_due(["alert", "quiet", "alert"], rule)[0]
    assert not retrain_due(["alert", "alert", "quiet", "quiet"], rule)[0]
    assert not retrain_due(["alert"], None)[0]
