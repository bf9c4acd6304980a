"""Retrain: when monitor says so, fit a challenger on the newest data and let it stand beside the champion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelwright.chains.run import run
from modelwright.core.errors import ArtifactError
from modelwright.core.progress import Progress
from modelwright.runs.aliases import CHALLENGER, CHAMPION, Aliases
from modelwright.stages.job import Job, Result

if TYPE_CHECKING:
    from modelwright.runs.store import Run


@dataclass(frozen=True)
class Retrained:
    """`challenger` is the exported version, None if no retraining was needed or a gate held it back."""

    reason: str
    results: dict[str, Result]
    challenger: int | None
    promoted: bool

    @property
    def exit_code(self) -> int:
        return next((result.exit_code for result in self.results.values() if result.exit_code), 0)

    @property
    def summary(self) -> dict[str, Any]:
        return {
            "reason": self.reason,
            "stages": {stage: result.run.label for stage, result in self.results.items()},
            "gates": self.results["evaluate"].summary["gates"] if "evaluate" in self.results else {},
            "challenger": self.challenger,
            "promoted": self.promoted,
        }


def retrain(job: Job, progress: Progress, *, promote: bool = False, force: bool = False) -> Retrained:
    """Prepare, train, evaluate and export on the data of now. The champion stays until `promote`."""
    reason = _reason(job, force=force)
    if reason is None:
        return Retrained("the last monitor run on the champion asks for no retraining", {}, None, promoted=False)
    progress.say(f"retraining: {reason}")
    aliases = Aliases(job.store, job.spec.name)
    champion = aliases.current().get(CHAMPION)
    fitted = None if champion is None else job.store.open(job.spec.name, "export", champion).source("train")
    results = {}
    for stage, result in run(job, progress):
        progress.say(f"{stage}: {result.run.label}{', nothing has changed' if result.cached else ''}")
        results[stage] = result
        if result.run.label == fitted:
            return Retrained(f"{reason}; but the champion is trained on this very data", results, None, promoted=False)
    if "export" not in results:
        return Retrained(reason, results, None, promoted=False)
    version = results["export"].run.version
    aliases.set(CHALLENGER, version, reason=f"retrained: {reason}")
    if promote:
        aliases.promote(reason=f"retrained: {reason}; passed every gate")
    return Retrained(reason, results, version, promoted=promote)


def _reason(job: Job, *, force: bool) -> str | None:
    newest = job.store.newest(job.spec.name, "monitor")
    if newest is None:
        if force:
            return "asked for"
        raise ArtifactError(
            f"{job.spec.name} has no monitor run yet, so nothing says that retraining is due",
            hint="run modelwright monitor first, or retrain with --force",
        )
    decision = newest.read_json("decision.json")
    if decision["retrain"] and _on_champion(job, newest):
        return f"{newest.label}: {decision['why']}"
    return "asked for" if force else None


def _on_champion(job: Job, report: Run) -> bool:
    """What was wrong with the model before this one is no reason to replace this one."""
    champion = Aliases(job.store, job.spec.name).current().get(CHAMPION)
    return champion is None or f"export/v{champion:04d}" in (report.source("export"), report.source("bundle"))
