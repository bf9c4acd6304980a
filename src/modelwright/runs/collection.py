"""What is done to all runs of a name at once: removing those that nothing needs, and checking every byte."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from modelwright.core.errors import ArtifactError, Problem, SpecError
from modelwright.runs.aliases import Aliases
from modelwright.runs.commit import LOCK
from modelwright.runs.durable import discard, resources, sweep
from modelwright.runs.locks import lock
from modelwright.runs.store import STAGES, Store, label

KEPT_VERSIONS = 3


@dataclass(frozen=True)
class Collected:
    """Labels of the runs removed (in a dry run: to remove) with their bytes, and of those kept with why."""

    removed: dict[str, int]
    kept: dict[str, str]


@dataclass(frozen=True)
class Verified:
    """Labels of the runs checked, and what is wrong with those that are damaged."""

    intact: list[str]
    damaged: dict[str, tuple[Problem, ...]]


def collect(store: Store, name: str, *, keep: int = KEPT_VERSIONS, dry_run: bool = False) -> Collected:
    """Remove what is not aliased, not among the newest `keep` of its stage and not an ancestor of such a run.

    Nothing of `name` may be running meanwhile: LockedError. When a needed run's manifest is damaged, what
    it was made from is unknown: ArtifactError, and nothing is removed.
    """
    if keep < 1:
        raise SpecError(f"--keep {keep}: at least the newest run of each stage stays")
    with _alone(store, name, tidy=not dry_run):
        kept = _kept(store, name, keep)
        removed: dict[str, int] = {}
        for stage in STAGES:
            for version in store.versions(name, stage):
                if label(stage, version) in kept:
                    continue
                folder = store.folder(name, stage) / f"v{version:04d}"
                removed[label(stage, version)] = size(folder)
                if not dry_run:
                    with resources(folder):
                        discard(folder)
    return Collected(removed, kept)


def verify(store: Store, name: str) -> Verified:
    """Check every file of every run of `name`."""
    intact: list[str] = []
    damaged: dict[str, tuple[Problem, ...]] = {}
    for stage in STAGES:
        for version in store.versions(name, stage):
            try:
                store.open(name, stage, version).verify()
            except ArtifactError as error:
                damaged[label(stage, version)] = error.problems
            else:
                intact.append(label(stage, version))
    return Verified(intact, damaged)


def size(folder: Path) -> int:
    """Bytes of the files below."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def _kept(store: Store, name: str, keep: int) -> dict[str, str]:
    """Label to reason."""
    aliases = Aliases(store, name)
    exports = dict(sorted(aliases.current().items()))
    before = aliases.before()
    if before in store.versions(name, "export"):
        exports["rollback"] = before
    needed = [(store.open(name, "export", version), alias) for alias, version in exports.items()]
    newest = {stage: list(store.runs(name, stage))[:keep] for stage in STAGES}
    needed += [(run, "newest") for runs in newest.values() for run in runs]
    kept: dict[str, str] = {}
    for run, reason in needed:
        kept.setdefault(run.label, reason)
    for run, reason in needed:
        for ancestor in store.ancestors(run):
            kept.setdefault(ancestor.label, f"source of {run.label}, {reason}")
    for stage, runs in newest.items():  # damaged runs stay while they are among the newest: somebody may look
        oldest = runs[-1].version if len(runs) == keep else 0
        for version in store.versions(name, stage):
            if version >= oldest:
                kept.setdefault(label(stage, version), "damaged")
    return kept


@contextmanager
def _alone(store: Store, name: str, *, tidy: bool) -> Iterator[None]:
    """Hold the lock of every stage that has a folder, and of the aliases."""
    with ExitStack() as held:
        held.enter_context(Aliases(store, name).locked())
        for stage in STAGES:
            folder = store.folder(name, stage)
            if folder.is_dir():
                held.enter_context(lock(folder / LOCK, what=f"{stage} of {name}"))
                if tidy:
                    sweep(folder)
        yield
