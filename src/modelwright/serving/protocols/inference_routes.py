"""The paths below /v2: which call of the Open Inference Protocol, and of Triton's extensions to it, does what.

Clients such as `tritonclient` also ask for configuration, statistics and the repository. What would change the
server (loading other models, shared memory, tracing, logging) is refused: aliases and the spec decide that.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from modelwright.serving.answering import Answering
from modelwright.serving.http import REQUEST_ID, Answer, Call
from modelwright.serving.protocols import protocol_pages as pages
from modelwright.serving.protocols.inference_protocol import HEADER_LENGTH, Inference
from modelwright.serving.refusals import RequestError
from modelwright.serving.traffic.routes import Route

MODEL = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?(/infer|/ready|/config|/stats)?")
REPOSITORY = re.compile(r"/v2/repository/models/([^/]+)/(load|unload)")
SETTINGS = re.compile(r"/v2/(?:models/([^/]+)/)?(trace/setting|logging)")
SHARED_MEMORY = re.compile(r"/v2/(?:system|cuda)sharedmemory(?:/region/[^/]+)?/(status|register|unregister)")
READ = ("GET", "HEAD")

Body = Callable[[Call], Awaitable[bytes]]
Forced = Callable[[Call], Route | None]


class InferenceRoutes:
    def __init__(self, answering: Answering, *, body: Body, forced: Forced, ready: Callable[[], Answer]) -> None:
        self._answering, self._body, self._forced, self._ready = answering, body, forced, ready

    async def answer(self, call: Call, path: str) -> Answer:
        if found := MODEL.fullmatch(path):
            if path == "/v2/models/stats":  # of all models; the name `stats` for a model is asked by version
                return self._page(call, path, READ, self._statistics)
            return await self._model(call, found[1], found[2], found[3] or "")
        if path == "/v2/repository/index":
            ready = self._ready().status == 200
            return self._page(call, path, ("POST", *READ), lambda: pages.index(self._answering.router, ready))
        if found := REPOSITORY.fullmatch(path):
            call.path = f"/v2/repository/models/{{name}}/{found[2]}"
            call.allow("POST")
            return await self._load(call, found[1], loading=found[2] == "load")
        if found := SETTINGS.fullmatch(path):
            if found[1] is not None:
                self._check_name(found[1])
            page = pages.TRACING if found[2] == "trace/setting" else pages.LOGGING
            return await self._settings(call, found[2], page)
        if found := SHARED_MEMORY.fullmatch(path):
            call.path = f"/v2/sharedmemory/{found[1]}"
            if found[1] == "status":
                call.allow(*READ)
                return Answer.json([])
            call.allow("POST")
            if found[1] == "register":
                raise RequestError(400, "shared memory is not supported: send tensors in the request")
            return Answer.json({})  # there is nothing to forget
        raise RequestError(404, "there is nothing here; see /openapi.json")

    async def _model(self, call: Call, name: str, version: str | None, action: str) -> Answer:
        call.path = "/v2/models/{name}" + ("/versions/{version}" if version else "") + action
        self._check_name(name)
        route = self._answering.of_version(version) if version else None
        call.allow(*(("POST",) if action == "/infer" else READ))
        if action == "/infer":
            return await self._infer(call, route)
        if action == "/ready":
            return self._ready()
        if action == "/stats":
            return Answer.json(self._statistics(route))
        signature = (route or self._answering.router.first).model.signature
        versions = sorted(self._answering.router.by_version)
        return Answer.json((pages.config if action else pages.model)(signature, versions))

    async def _infer(self, call: Call, route: Route | None) -> Answer:
        inference = Inference.of_body(await self._body(call), call.headers.get(HEADER_LENGTH))
        if inference.id and REQUEST_ID.fullmatch(inference.id):
            call.request_id = inference.id
        return await self._answering.answer(
            call,
            lambda route: inference.rows(route.model),
            lambda route, scored: inference.answer(route.model, scored),
            route or self._forced(call),
        )

    async def _load(self, call: Call, name: str, *, loading: bool) -> Answer:
        """Loading what is loaded changes nothing, so it is granted."""
        self._check_name(name)
        if not loading:
            raise RequestError(400, "a model is not unloaded over HTTP: the aliases in serve.routes decide")
        if (await self._body(call)).strip() not in (b"", b"{}"):
            raise RequestError(400, "a model is not changed over HTTP: send no parameters")
        return Answer.json({})

    async def _settings(self, call: Call, what: str, settings: dict[str, Any]) -> Answer:
        call.path = f"/v2/{what}"
        call.allow("POST", *READ)
        if call.method == "POST" and (await self._body(call)).strip() not in (b"", b"{}"):
            raise RequestError(400, f"the settings of {what} are not changed over HTTP")
        return Answer.json(settings)

    def _page(self, call: Call, path: str, methods: tuple[str, ...], content: Callable[[], Any]) -> Answer:
        call.path = path
        call.allow(*methods)
        return Answer.json(content())

    def _statistics(self, route: Route | None = None) -> dict[str, Any]:
        return pages.statistics(self._answering.router, self._answering.metrics, route)

    def _check_name(self, name: str) -> None:
        served = self._answering.router.first.model.name
        if name != served:
            raise RequestError(404, f"there is no model {name[:80]!r}; this server has {served!r}")
