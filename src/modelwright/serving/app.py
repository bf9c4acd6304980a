"""The ASGI application: which path does what, which version answers, and what is counted and logged."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from modelwright.serving import inference_protocol as protocol
from modelwright.serving.http import REQUEST_ID, Answer, Call, CallerLeftError, Receive, Scope, Send
from modelwright.serving.metrics import CONTENT_TYPE, Metrics
from modelwright.serving.model import Scored
from modelwright.serving.openapi import document
from modelwright.serving.prediction_log import Entry, PredictionLog
from modelwright.serving.refusals import RequestError
from modelwright.serving.requests import Columns
from modelwright.serving.routes import Route, Router
from modelwright.serving.settings import Limits

logger = logging.getLogger(__name__)

INLINE_ROWS = 64  # more rows are scored in a thread, so that health checks and small requests are not held up
OPEN_PATHS = frozenset({"/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"})
MODEL_PATH = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?(/infer|/ready)?")

Render = Callable[[Route, Scored], Any]


class Application:
    """Serves one model in one or more versions."""

    def __init__(
        self, router: Router, limits: Limits, *, token: str | None = None, log: PredictionLog | None = None
    ) -> None:
        self.router, self.limits, self.log = router, limits, log
        self.metrics = Metrics()
        self.draining = False
        self.name = router.first.model.name
        self._token = token.encode() if token else None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="scoring")
        self._pages: dict[str, Callable[[], Answer]] = {
            "/health/live": lambda: Answer.json({"live": True}),
            "/health/ready": self._ready,
            "/v2/health/live": lambda: Answer.json({"live": True}),
            "/v2/health/ready": self._ready,
            "/v2": lambda: Answer.json(protocol.server_metadata()),
            "/metrics": self._metrics_page,
            "/openapi.json": self._openapi,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        call = Call.of(scope, receive)
        self.metrics.in_flight += 1
        try:
            answer = await self._answer(call, scope["path"])
        except RequestError as refusal:
            answer = Answer.refusing(refusal, call.request_id)
        except CallerLeftError:
            self.metrics.observe(call.path, 499, call.elapsed_s)
            return
        except Exception:
            logger.exception("request %s failed", call.request_id)
            answer = Answer.refusing(RequestError(500, "internal error"), call.request_id)
        finally:
            self.metrics.in_flight -= 1
        self.metrics.observe(call.path, answer.status, call.elapsed_s)
        await answer.send(send, call, closing=self.draining)

    def close(self) -> None:
        """After the last answer: stop the scoring thread, write what the log still holds."""
        self._executor.shutdown()
        if self.log:
            self.log.close()

    async def _answer(self, call: Call, path: str) -> Answer:
        call.check_headers(self.limits)
        if path in self._pages:
            call.path = path
            call.allow("GET", "HEAD")
            call.authorize(None if path in OPEN_PATHS else self._token)
            return self._pages[path]()
        call.authorize(self._token)
        if path == "/predict":
            call.path = path
            call.allow("POST")
            return await self._predict(call)
        if found := MODEL_PATH.fullmatch(path):
            return await self._model(call, found[1], found[2], found[3] or "")
        raise RequestError(404, "there is nothing here; see /openapi.json")

    async def _model(self, call: Call, name: str, version: str | None, action: str) -> Answer:
        call.path = "/v2/models/{name}" + ("/versions/{version}" if version else "") + action
        if name != self.name:
            raise RequestError(404, f"there is no model {name[:80]!r}; this server has {self.name!r}")
        route = self._of_version(version) if version else None
        call.allow(*(("POST",) if action == "/infer" else ("GET", "HEAD")))
        if action == "/infer":
            return await self._infer(call, route)
        if action == "/ready":
            return self._ready()
        signature = (route or self.router.first).model.signature
        return Answer.json(protocol.model_metadata(signature, sorted(self.router.by_version)))

    async def _predict(self, call: Call) -> Answer:
        body = await self._body(call)
        route, columns = self._routed(call, self._forced(call), lambda other: other.model.decoder.decode(body))

        def rendered(route: Route, scored: Scored) -> Any:
            model = route.model
            about = {"model": model.name, "version": model.version, "request_id": call.request_id}
            return {**about, "predictions": model.predictions(scored)}

        return await self._scored(call, route, columns, rendered)

    async def _infer(self, call: Call, route: Route | None) -> Answer:
        request = protocol.decode(await self._body(call))
        if request.id and REQUEST_ID.fullmatch(request.id):
            call.request_id = request.id
        forced = route or self._forced(call)
        route, columns = self._routed(call, forced, lambda other: protocol.columns(request, other.model))
        return await self._scored(
            call, route, columns, lambda route, scored: protocol.answer(request, route.model, scored)
        )

    async def _body(self, call: Call) -> bytes:
        if self.metrics.in_flight > self.limits.concurrency:
            raise RequestError(503, "too many requests at once; try again soon", headers=[(b"retry-after", b"1")])
        return await call.body(self.limits)

    def _forced(self, call: Call) -> Route | None:
        """The version that the caller insists on."""
        version = call.headers.get(b"x-model-version")
        return None if version is None else self._of_version(version.decode("latin-1"))

    def _of_version(self, version: str) -> Route:
        text = version.removeprefix("v")
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
        if number not in self.router.by_version:
            there = ", ".join(map(str, sorted(self.router.by_version)))
            raise RequestError(404, f"there is no version {version[:20]!r} of {self.name}; this server has {there}")
        return self.router.by_version[number]

    def _routed(self, call: Call, forced: Route | None, decode: Callable[[Route], Columns]) -> tuple[Route, Columns]:
        """The route that answers. A challenger that wants other columns never breaks what the first route accepts."""
        first = forced or self.router.first
        columns = decode(first)
        if forced:
            return forced, columns
        sticky = first.model.signature.id_field
        known = columns[sticky][0] if sticky else None
        route = self.router.pick(call.request_id if known is None else str(known))
        if route.model.signature.fields == first.model.signature.fields:
            return route, columns
        try:
            return route, decode(route)
        except RequestError:
            self.metrics.fallbacks += 1
            return first, columns

    async def _scored(self, call: Call, route: Route, columns: Columns, render: Render) -> Answer:
        def work() -> tuple[Scored, bytes]:
            scored = route.model.score(columns)
            return scored, msgspec.json.encode(render(route, scored))

        if len(next(iter(columns.values()))) > INLINE_ROWS:
            scored, body = await asyncio.get_running_loop().run_in_executor(self._executor, work)
        else:
            scored, body = work()
        version = route.model.version
        self.metrics.scored(route.alias, version, len(scored))
        if self.log:
            now_us = time.time_ns() // 1000
            self.log.append(Entry(call.request_id, now_us, version, route.alias, call.elapsed_s * 1000, scored))
        return Answer(body)

    def _ready(self) -> Answer:
        return Answer.json({"ready": not self.draining}, 503 if self.draining else 200)

    def _metrics_page(self) -> Answer:
        logged = self.log.counts() if self.log else None
        return Answer(self.metrics.text(ready=not self.draining, logged=logged), content_type=CONTENT_TYPE)

    def _openapi(self) -> Answer:
        model = self.router.first.model
        return Answer.json(document(model.signature, model.version))
