"""What every stage is asked (`Job`), what it would do (`Plan`) and what it did (`Result`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelwright.runs.identity import Identity
    from modelwright.runs.store import Run, Store
    from modelwright.spec.spec import Spec


@dataclass(frozen=True)
class Job:
    """A resolved spec and where to work. `base` is the folder that the spec's relative paths start from."""

    spec: Spec
    base: Path
    store: Store
    spec_file: Path | None = None
    source: str | None = None  # --from: a run such as `train/v0003`, instead of the one whose cache key matches
    spec_text: str = ""  # the resolved spec as YAML, saved with every run
    options: Mapping[str, Any] = field(default_factory=dict)  # a stage's own command line options


@dataclass(frozen=True)
class Plan:
    """Everything a stage needs, resolved. `cached` is the run that already did exactly this."""

    job: Job
    identity: Identity
    sources: Mapping[str, Run]
    cached: Run | None
    summary: Mapping[str, Any]  # what --dry-run and `plan` show


def deciding_first(scores: Mapping[str, Any], metric: str) -> dict[str, Any]:
    """The same scores, the one that decides before the others: files have them in the order of the alphabet."""
    return {name: scores[name] for name in sorted(scores, key=lambda name: (name != metric, name))}


@dataclass(frozen=True)
class Result:
    """`summary` is what `--json` prints; `exit_code` is 0, GATE_FAILED or ALERT_RAISED."""

    run: Run
    summary: Mapping[str, Any]
    exit_code: int = 0
    cached: bool = False
