"""Whom a model is compared with: the exports behind the aliases that its gates name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from modelwright.core.errors import ArtifactError
from modelwright.runs.aliases import CHAMPION, Aliases
from modelwright.runs.identity import Input
from modelwright.stages import lineage

if TYPE_CHECKING:
    from modelwright.runs.store import Run
    from modelwright.stages.job import Job

ROLE = "rival "  # before the alias: an input of evaluate that the model was not made from


def rivals_of(job: Job, model: Run) -> dict[str, Run]:
    """By alias, the exports that `model` (a train run, or a bundle) stands beside; none before the first promotion.

    No model is its own rival: the champion stands beside the one that it replaced, so that promoting it changes
    nothing that was found out about it.
    """
    named = dict.fromkeys(gate.rival for gate in job.spec.evaluate.gates if gate.rival) or {CHAMPION: None}
    current = Aliases(job.store, job.spec.name).current()
    found = {}
    for alias in named:
        if alias not in current:
            continue
        rival: Run | None = job.store.open(job.spec.name, "export", current[alias])
        if rival is not None and _is_itself(rival, model):
            rival = _earlier(job, rival, alias)
        if rival is not None:
            found[alias] = rival
    return found


def rival_inputs(rivals: Mapping[str, Run]) -> tuple[Input, ...]:
    return tuple(Input(ROLE + alias, run.label, run.digest) for alias, run in rivals.items())


def _is_itself(rival: Run, model: Run) -> bool:
    made_from = [entry.digest for entry in rival.manifest.inputs if entry.role == model.stage]
    return model.digest in (rival.digest, *made_from)


def _earlier(job: Job, rival: Run, alias: str) -> Run | None:
    """Whom it stood beside when it was exported; None where nobody was there, or that export is gone."""
    try:
        label = lineage.source_of(job, rival, "evaluate").source(ROLE + alias)
        return None if label is None else job.store.resolve(job.spec.name, "export", label)
    except ArtifactError:
        return None
