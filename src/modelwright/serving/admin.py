"""`/admin`: what an operator may change in a running server, behind a token of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from modelwright.serving.answering import Answering
from modelwright.serving.http import Answer, Call
from modelwright.serving.refusals import RequestError
from modelwright.serving.traffic.canary import Canary
from modelwright.serving.traffic.reloading import Reloader

PREFIX = "/admin"


class Admin:
    """Acts on the worker that was asked; the others follow what it wrote at their next look."""

    def __init__(self, answering: Answering, reloader: Reloader | None, canary: Canary | None) -> None:
        self._answering, self._reloader, self._canary = answering, reloader, canary

    async def answer(self, call: Call, path: str) -> Answer:
        """RequestError 404 for what there is not, 409 for what can't be done now."""
        action = self._action(path)
        call.path = path
        call.allow(*(("GET", "HEAD") if path == f"{PREFIX}/state" else ("POST",)))
        return Answer.json(await asyncio.to_thread(action))

    def _action(self, path: str) -> Callable[[], dict[str, Any]]:
        match path:
            case "/admin/state":
                return self._state
            case "/admin/reload":
                return self._reload
            case "/admin/canary/promote":
                return lambda: self._decide(promote=True)
            case "/admin/canary/rollback":
                return lambda: self._decide(promote=False)
        raise RequestError(404, "there is nothing here; see /openapi.json")

    def _state(self) -> dict[str, Any]:
        router = self._answering.router
        routes = [
            {"alias": route.alias, "version": route.model.version, "weight": route.weight} for route in router.routes
        ]
        shadow = {"alias": router.shadow.alias, "version": router.shadow.model.version} if router.shadow else None
        return {
            "routes": routes,
            "canary": self._canary.describe() if self._canary else None,
            "shadow": shadow,
            "refused": (self._reloader.refused or None) if self._reloader else None,
        }

    def _reload(self) -> dict[str, Any]:
        if self._reloader is None:
            raise RequestError(409, "this server was started with one bundle and follows no aliases")
        return {"done": self._reloader.reload(), **self._state()}

    def _decide(self, *, promote: bool) -> dict[str, Any]:
        if self._canary is None or self._answering.router.canary is None:
            raise RequestError(409, "there is no canary")
        if promote:
            self._canary.promote()
        else:
            self._canary.roll_back()
        return self._state()
