"""How a person names a run on the command line, when neither its name nor its stage is known beforehand."""

from __future__ import annotations

from pathlib import Path

from modelwright.core.errors import ArtifactError, SpecError
from modelwright.core.names import checked_name, did_you_mean
from modelwright.runs.store import STAGES, Run, Store


def find_run(store: Store, reference: str, name: str | None = None) -> Run:
    """`rides/train/v0003`, `train/v0003`, `rides/champion`, `champion`, or a run's folder."""
    parts = _below(store, reference) or tuple(reference.rstrip("/").split("/"))
    if len(parts) == 3:
        return store.resolve(known_name(store, parts[0]), checked_stage(parts[1]), parts[2])
    if len(parts) == 2 and parts[0] in STAGES:
        return store.resolve(known_name(store, name), parts[0], parts[1])
    if len(parts) == 2:
        return store.resolve(known_name(store, parts[0]), "export", parts[1])
    if len(parts) == 1 and parts[0] and not parts[0].lstrip("v").isdigit():
        return store.resolve(known_name(store, name), "export", parts[0])
    raise SpecError(f"{reference!r} names no run", hint="write for example train/v0003, rides/train/v0003 or champion")


def known_name(store: Store, name: str | None) -> str:
    """The name given, if it has runs; without one, the only name that has."""
    known = store.names()
    if name is not None:
        if checked_name(name) not in known:
            raise ArtifactError(f"{name} has no runs in {store.root}{did_you_mean(name, known)}")
        return name
    if not known:
        raise ArtifactError(
            f"there are no runs in {store.root}", hint="run modelwright prepare SPEC, or pass --runs DIR"
        )
    if len(known) > 1:
        raise SpecError(f"there are runs of {', '.join(known)}", hint="say which with --name NAME")
    return known[0]


def checked_stage(stage: str) -> str:
    if stage not in STAGES:
        raise SpecError(f"{stage!r} is not a stage{did_you_mean(stage, STAGES)}")
    return stage


def _below(store: Store, reference: str) -> tuple[str, ...] | None:
    """`name`, `stage`, `vNNNN` of a folder in the store."""
    try:
        place, root = Path(reference).resolve(), store.root.resolve()
        if "/" in reference and place.is_dir() and place.is_relative_to(root):
            return place.relative_to(root).parts
    except (OSError, ValueError):
        return None
    return None
