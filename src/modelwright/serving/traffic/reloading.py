"""Notices that an alias means another version, and changes over without a request being dropped or waiting."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic

from modelwright.core.errors import ArtifactError, ModelwrightError
from modelwright.serving.answering import Answering
from modelwright.serving.model import ServedModel
from modelwright.serving.settings import Following, RouteSettings
from modelwright.serving.traffic.canary import Canary
from modelwright.serving.traffic.following import Stamp, shares, stamp
from modelwright.serving.traffic.routes import Route, Router

logger = logging.getLogger(__name__)

RETRY_S = 30.0  # after a full disk, too little memory and the like; a damaged bundle stays damaged

Load = Callable[[Path], ServedModel]  # opens, verifies, warms up and asks the golden rows


class Reloader:
    """Loads what the aliases mean now. What can't be loaded is refused, and what answered goes on answering."""

    def __init__(
        self,
        following: Following,
        seen: Stamp,
        answering: Answering,
        load: Load,
        say: Callable[[str], None],
        canary: Canary | None = None,
    ) -> None:
        self._following, self._answering, self._load = following, answering, load
        self._metrics, self._log = answering.metrics, answering.log
        self._say, self._canary = say, canary
        self._lock = threading.Lock()  # the watching thread and an admin's request
        self._seen = seen
        self._retry_at = math.inf
        self.refused = ""

    def look(self) -> None:
        """Reload if an alias was changed since the last look, or if the machine was at fault the last time."""
        if stamp(self._following) != self._seen or monotonic() >= self._retry_at:
            self.reload()

    def reload(self) -> str:
        """Load and change over; what was done, in words. Requests in flight keep the version that they started with."""
        with self._lock:
            self._seen = stamp(self._following)
            before = self._answering.router
            try:
                routes = [share.settings() for share in shares(self._following)]
                router = made_router(routes, self._load, loaded_from(before))
                if router.first.model.name != before.first.model.name:
                    raise ArtifactError(f"the new bundle is of {router.first.model.name}, another model")
                if self._log:
                    self._log.know({route.model.version: route.model.signature for route in router.all_routes})
            except Exception as error:  # noqa: BLE001  # whatever is wrong with the new, the old goes on
                return self._refuse(error, before)
            self.refused, self._retry_at = "", math.inf
            if described(router) == described(before):
                return f"nothing changed: {described(router)}"
            if self._canary:  # first, so that the share of one version is never that of the next
                self._canary.begin(router.canary.model.version if router.canary else None)
            self._answering.change_to(router)
            self._metrics.add("reloads_total", 1, outcome="done")
            self._say(f"now serving {described(router)} (before: {described(before)})")
            return f"now serving {described(router)}"

    def _refuse(self, error: Exception, before: Router) -> str:
        known = self.refused
        self._retry_at = math.inf if isinstance(error, ArtifactError) else monotonic() + RETRY_S
        if isinstance(error, ModelwrightError):
            self.refused = "; ".join(f"{p.where}: {p.message}" if p.where else p.message for p in error.problems)
        else:
            logger.error("reload failed", exc_info=error)
            self.refused = f"{type(error).__name__}: {error}"
        self._metrics.add("reloads_total", 1, outcome="refused")
        if self.refused != known:
            self._say(f"refused to reload, still serving {described(before)}: {self.refused}")
        return f"refused: {self.refused}"


def made_router(routes: Sequence[RouteSettings], load: Load, known: dict[str, ServedModel] | None = None) -> Router:
    """Models for all routes; those of `known`, by folder, are used again. ArtifactError when one can't be used."""
    models = dict(known or {})
    made: dict[str, list[Route]] = {"route": [], "canary": [], "shadow": []}
    for route in routes:
        if route.folder not in models:
            models[route.folder] = load(Path(route.folder))
        made[route.role].append(Route(route.alias, route.weight, models[route.folder], route.folder))
    names = {models[route.folder].name for route in routes}
    if len(names) > 1:
        raise ArtifactError(f"a server has one model name; these bundles have {', '.join(sorted(names))}")
    answering = {route.model.version for route in made["route"] if route.weight}
    extra = {  # a version that answers already is neither tried nor mirrored to
        role: next((route for route in made[role] if route.model.version not in answering), None)
        for role in ("canary", "shadow")
    }
    return Router(made["route"], canary=extra["canary"], shadow=extra["shadow"])


def loaded_from(router: Router) -> dict[str, ServedModel]:
    """The models of a router by the folder that each came from."""
    return {route.folder: route.model for route in router.all_routes}


def described(router: Router) -> str:
    """`champion v0001, canary candidate v0002`."""
    words = [f"{route.alias} v{route.model.version:04d}" for route in router.routes]
    for role, route in (("canary", router.canary), ("shadow", router.shadow)):
        if route:
            words.append(f"{role if role == route.alias else f'{role} {route.alias}'} v{route.model.version:04d}")
    return ", ".join(words)
