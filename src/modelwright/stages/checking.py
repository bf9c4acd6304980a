"""What is checked of the cleaned rows: all failures are told at once, and those that only time brings when it does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.core.columns import Column
from modelwright.core.errors import DataError, Problem
from modelwright.stages.placing import said_of

if TYPE_CHECKING:
    from modelwright.parts.base import Check
    from modelwright.tables.engine import Engine

HINT = "clean or mend the data, or give the check severity: warn"


def run_checks(engine: Engine, checks: Sequence[Check], columns: Sequence[Column], base: Path) -> list[dict[str, Any]]:
    """Every check's outcome, for `checks.json`; DataError that names all failed ones of severity error.

    `holds_until` is when time alone will break it. Whether it has done so is for `overdue` to say: an outcome does not
    depend on the clock.
    """
    rows = engine.value("SELECT count(*) FROM rows")
    outcomes, problems = [], []
    for number, written in enumerate(checks):
        check = written.at(base)
        with said_of(f"prepare.checks.{number}"):
            violations, said = check.violations(engine, "rows", columns)
        share = getattr(check, "max_share", 0.0)
        if violations and share:
            said += f"; {violations / rows:.2%} of rows, {share:.2%} allowed"
        passed = violations <= share * rows
        outcome = {"kind": check.kind, "severity": check.severity, "said": said, "violations": violations}
        until = check.holds_until(engine, "rows", columns) if passed else None
        outcomes.append({**outcome, "passed": passed, **({"holds_until": until.isoformat()} if until else {})})
        if not passed and check.severity == "error":
            message = f"check {check.kind} fails on {violations:,} rows: {said}"
            problems.append(Problem(message, f"prepare.checks.{number}", HINT))
    problems += _late(outcomes, "error")
    if problems:
        raise DataError.of(problems)
    return outcomes


def overdue(outcomes: Iterable[Mapping[str, Any]]) -> list[str]:
    """What time has broken by now, as warnings; DataError where the check is of severity error."""
    outcomes = list(outcomes)
    if broken := _late(outcomes, "error"):
        raise DataError.of(broken)
    return [problem.message for problem in _late(outcomes, "warn")]


def _late(outcomes: Iterable[Mapping[str, Any]], severity: str) -> list[Problem]:
    found = []
    for outcome in outcomes:
        until = outcome.get("holds_until")
        if until and outcome["severity"] == severity and datetime.now(UTC) > datetime.fromisoformat(until):
            message = f"check {outcome['kind']}: {outcome['said']} held until {until[:16].replace('T', ' ')} UTC"
            found.append(Problem(message, "prepare.checks", "get newer data, or give the check severity: warn"))
    return found
