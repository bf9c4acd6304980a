"""Compares a window of rows with the profile that was saved at prepare time, with a known false-alarm rate.

A column is a "warn" when Holm's procedure over all columns rejects "nothing changed" at alpha and the change is large
enough to matter; it is an "alert" when even the lower bound of the change is that large. p-values alone would flag
every large window. Sources: Holm (1979); Dvoretzky-Kiefer-Wolfowitz bound with Massart's constant (1990).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import pyarrow as pa

from modelwright.parts import catalog
from modelwright.parts.base import DriftTest
from modelwright.tables.profiles import ColumnCounts, Profile, count

DEFAULTS = ("ks", "chi2")


@dataclass(frozen=True)
class ColumnDrift:
    """One column: `effect` with its lower bound, Holm-adjusted p, and quiet, warn or alert."""

    column: str
    type: str
    test: str
    effect: float
    lower_bound: float
    p_value: float
    adjusted_p: float
    status: str
    reference_missing: float
    current_missing: float
    unseen: float  # share of current rows with a category that the reference never had

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def compare_with_profile(
    table: pa.Table,
    profile: Profile,
    columns: Sequence[str],
    tests: Sequence[DriftTest],
    *,
    alpha: float,
    effect: float,
) -> list[ColumnDrift]:
    """Drift of each of `columns` that some test is made for; the largest lower bound first."""
    current = count(table, profile)
    pairs = [(profile[name], current[name]) for name in columns if name in profile]
    chosen = [(test, *pair) for pair in pairs if pair[0].rows and (test := _test_for(pair[0], tests))]
    results = [test.compare(reference, now) for test, reference, now in chosen]
    adjusted = holm([result.p_value for result in results])
    found = []
    for (test, reference, now), result, p in zip(chosen, results, adjusted, strict=True):
        bound = result.effect - chance(reference.rows, now.rows, len(chosen), alpha)
        warned = p <= alpha and result.effect >= effect
        status = "quiet" if not warned else "alert" if bound >= effect else "warn"
        found.append(
            ColumnDrift(
                reference.name,
                reference.type,
                test.kind,
                result.effect,
                max(bound, 0.0),
                result.p_value,
                p,
                status,
                reference.missing / reference.rows,
                now.missing / now.rows,
                now.other / now.rows,
            )
        )
    return sorted(found, key=lambda drift: (-drift.lower_bound, -drift.effect, drift.column))


def drift_tests(chosen: Any) -> list[DriftTest]:
    """The tests of the spec; `auto` is what suits each column."""
    if chosen != "auto":
        return list(chosen)
    return [cast(DriftTest, catalog.load("drift", kind)(kind=kind)) for kind in DEFAULTS]


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: reject where they are at most alpha, and any false alarm has at most that probability."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def chance(n: int, m: int, columns: int, alpha: float) -> float:
    """How large the gap between two samples of one world gets with probability alpha at most, over all columns."""
    return math.sqrt(math.log(2 * max(columns, 1) / alpha) / 2 * (1 / n + 1 / m))


def worst(statuses: Iterable[str]) -> str:
    """alert, warn or quiet."""
    found = set(statuses)
    return next((status for status in ("alert", "warn") if status in found), "quiet")


def _test_for(column: ColumnCounts, tests: Sequence[DriftTest]) -> DriftTest | None:
    return next((test for test in tests if column.type in test.types), None)


def retrain_due(history: Sequence[str], rule: Mapping[str, int] | None) -> tuple[bool, str]:
    """Whether so many of the last reports (the newest last) were alerts, and why or why not in one sentence."""
    if rule is None:
        return False, "no rule under monitor.retrain"
    recent = list(history)[-rule["of"] :]
    alerts = recent.count("alert")
    counted = f"{alerts} of the last {len(recent)} reports were alerts"
    wanted = f"retraining is due after {rule['after']} of {rule['of']}"
    return alerts >= rule["after"], f"{counted}; {wanted}"
