"""Which versions the aliases mean now: asked when a server starts, and again whenever they change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from modelwright.core.errors import ArtifactError
from modelwright.runs.aliases import CHALLENGER, CHAMPION, Aliases
from modelwright.runs.store import Run, Store
from modelwright.serving.settings import Following, Role, RouteSettings

Stamp = tuple[int, int, int]  # inode, size and time of change


@dataclass(frozen=True)
class Share:
    """One alias with the run behind it and its share of the requests."""

    alias: str
    weight: float
    run: Run
    role: Role = "route"

    def settings(self) -> RouteSettings:
        return RouteSettings(self.alias, self.weight, str(self.run.path.resolve()), self.role)


def shares(following: Following) -> tuple[Share, ...]:
    """Who answers now; the first also where another can't. The newest export while no alias is set.

    ArtifactError when a route's alias is unknown. A missing challenger leaves its weight to the champion; the aliases
    of canary and shadow may come later.
    """
    store = Store(Path(following.runs))
    aliases = Aliases(store, following.name).current()
    if not aliases:
        newest = store.newest(following.name, "export")
        if newest is None:
            raise ArtifactError(f"{following.name} has nothing to serve yet", hint="run: modelwright export SPEC")
        return (Share("newest", 1.0, newest),)
    roles: tuple[tuple[str | None, Role], ...] = ((following.canary, "canary"), (following.shadow, "shadow"))
    extra = [
        Share(alias, 0.0, store.open(following.name, "export", aliases[alias]), role)
        for alias, role in roles
        if alias in aliases
    ]
    return (*_routes(store, following, aliases), *extra)


def stamp(following: Following) -> Stamp:
    """Changes whenever an alias does; costs one look at a file's entry."""
    try:
        found = Aliases(Store(Path(following.runs)), following.name).path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def _routes(store: Store, following: Following, aliases: Mapping[str, int]) -> list[Share]:
    weights = following.weights
    missing = [alias for alias in weights if alias not in aliases]
    known = ", ".join(f"{alias} v{version:04d}" for alias, version in sorted(aliases.items()))
    if unknown := [alias for alias in missing if alias not in (CHAMPION, CHALLENGER)]:
        raise ArtifactError(
            f"serve.routes: {following.name} has no alias {unknown[0]!r}", hint=f"there is: {known}; see runs tag"
        )
    if CHAMPION in weights and CHAMPION not in aliases:
        hint = f"run: modelwright runs promote VERSION --name {following.name} (there is: {known})"
        raise ArtifactError(f"serve.routes: {following.name} has no champion", hint=hint)
    present = sorted((alias for alias in weights if alias in aliases), key=lambda alias: alias != CHAMPION)
    left_over = sum(weights[alias] for alias in missing)
    found = []
    for place, alias in enumerate(present):
        weight = weights[alias] + (left_over if place == 0 else 0)
        found.append(Share(alias, weight, store.open(following.name, "export", aliases[alias])))
    if not sum(share.weight for share in found):
        raise ArtifactError(f"serve.routes: no alias with a weight above 0 exists (there is: {known})")
    return found
