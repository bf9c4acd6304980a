"""The ASGI application: which path does what, which version answers, and what is counted and logged."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from modelwright.serving.access import Access
from modelwright.serving.admin import PREFIX as ADMIN
from modelwright.serving.admin import Admin
from modelwright.serving.answering import Answering
from modelwright.serving.http import Answer, Call, CallerLeftError, Receive, Scope, Send
from modelwright.serving.log.prediction_log import PredictionLog
from modelwright.serving.metrics import CONTENT_TYPE, Metrics
from modelwright.serving.protocols import protocol_pages
from modelwright.serving.protocols.bodies import body_of
from modelwright.serving.protocols.inference_routes import InferenceRoutes
from modelwright.serving.protocols.openapi import document
from modelwright.serving.protocols.trial_page import trial_page
from modelwright.serving.refusals import RequestError
from modelwright.serving.scoring import Scoring
from modelwright.serving.settings import AccessSettings, Limits
from modelwright.serving.tracing import Tracing
from modelwright.serving.traffic.cache import AnswerCache
from modelwright.serving.traffic.canary import Canary
from modelwright.serving.traffic.routes import Route, Router
from modelwright.serving.traffic.shadow import Shadow
from modelwright.serving.traffic.watching import Watcher

logger = logging.getLogger(__name__)

OPEN_PATHS = frozenset({"/", "/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"})


class Application:
    """Serves one model in one or more versions."""

    def __init__(
        self,
        router: Router,
        limits: Limits,
        *,
        access: AccessSettings | None = None,
        metrics: Metrics | None = None,
        log: PredictionLog | None = None,
        cache: AnswerCache | None = None,
        canary: Canary | None = None,
        shadow: Shadow | None = None,
    ) -> None:
        self.limits, self.log = limits, log
        self.metrics = metrics or Metrics()
        self.answering = Answering(
            router, self.metrics, log, Scoring(limits), cache=cache, canary=canary, shadow=shadow
        )
        self.draining = False
        self.name = router.first.model.name
        self.admin: Admin | None = None
        self.watcher: Watcher | None = None
        self.reload: Callable[[], object] | None = None  # what aliases mean now; None where one bundle is served
        self.tracing: Tracing | None = None
        self._access = Access(access or AccessSettings())
        self._inference = InferenceRoutes(self.answering, body=self._body, forced=self._forced, ready=self._ready)
        self._pages: dict[str, Callable[[], Answer]] = {
            "/": trial_page,
            "/health/live": lambda: Answer.json({"live": True}),
            "/health/ready": self._ready,
            "/v2/health/live": lambda: Answer.json({"live": True}),
            "/v2/health/ready": self._ready,
            "/v2": lambda: Answer.json(protocol_pages.server()),
            "/metrics": self._metrics_page,
            "/openapi.json": self._openapi,
        }

    @property
    def router(self) -> Router:
        return self.answering.router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        call = Call.of(scope, receive)
        self.metrics.in_flight += 1
        try:
            answer = await self._answer(call, scope)
        except RequestError as refusal:
            answer = Answer.refusing(refusal, call.request_id)
        except CallerLeftError:
            self.note(call, 499)
            return
        except Exception:
            logger.exception("request %s failed", call.request_id)
            answer = Answer.refusing(RequestError(500, "internal error"), call.request_id)
        finally:
            self.metrics.in_flight -= 1
        self.note(call, answer.status)
        if self._access.origins:
            answer = replace(answer, headers=(*answer.headers, *self._access.origins.headers(call)))
        await answer.send(send, call, closing=self.draining)

    def note(self, call: Call, status: int) -> None:
        """Count and trace a request that was answered."""
        self.metrics.observe(call.path, status, call.elapsed_s)
        if self.tracing:
            self.tracing.record(call, status)

    def close(self) -> None:
        """After the last answer."""
        if self.tracing:
            self.tracing.close()
        if self.watcher:
            self.watcher.close()
        self.answering.close()
        self.note_log()

    def admit(self, call: Call, client: str) -> None:
        """What a request over gRPC must pass as well. RequestError 401, 403, 429, 431 or 503."""
        call.check_headers(self.limits)
        if self._access.rate:
            self._access.rate.check(client)
        self._access.check(call, "predict")
        self._check_room()

    @property
    def plain(self) -> bool:
        """Whether requests are answered, counted and logged, and nothing else is done with them."""
        more = (self.tracing, self._access.rate, self._access.origins)
        return self.answering.plain and all(one is None for one in more)

    def check(self, call: Call) -> None:
        """What the headers of a prediction must pass. RequestError 401, 403 or 431."""
        call.check_headers(self.limits)
        self._access.check(call, "predict")

    async def _answer(self, call: Call, scope: Scope) -> Answer:
        call.check_headers(self.limits)
        path: str = scope["path"]
        if path not in OPEN_PATHS and self._access.rate:
            self._access.rate.check((scope.get("client") or ("",))[0])
        if self._access.origins and (preflight := self._access.origins.preflight(call)):
            call.path = "preflight"
            return preflight
        if self.admin and path.startswith(ADMIN):
            self._access.check(call, "admin")
            return await self.admin.answer(call, path)
        if path in self._pages:
            call.path = path
            call.allow("GET", "HEAD")
            if path not in OPEN_PATHS:
                self._access.check(call, "metrics" if path == "/metrics" else "predict")
            return self._pages[path]()
        self._access.check(call, "predict")
        if path == "/predict":
            call.path = path
            call.allow("POST")
            return await self._predict(call)
        if path.startswith("/v2/"):
            return await self._inference.answer(call, path)
        raise RequestError(404, "there is nothing here; see /openapi.json")

    async def _predict(self, call: Call) -> Answer:
        kind = body_of(call.headers.get(b"content-type", b""))
        body = await self._body(call)
        return await self.answering.answer(
            call,
            lambda route: kind.rows(route.model, body),
            lambda route, scored: kind.answer(route.model, scored, call.request_id),
            self._forced(call),
        )

    async def _body(self, call: Call) -> bytes:
        self._check_room()
        return await call.body(self.limits)

    def _check_room(self) -> None:
        if self.metrics.in_flight > self.limits.concurrency:
            raise RequestError(503, "too many requests at once; try again soon", headers=[(b"retry-after", b"1")])

    def _forced(self, call: Call) -> Route | None:
        """The version that the caller insists on."""
        version = call.headers.get(b"x-model-version")
        return None if version is None else self.answering.of_version(version.decode("latin-1"))

    def _ready(self) -> Answer:
        return Answer.json({"ready": not self.draining}, 503 if self.draining else 200)

    def _metrics_page(self) -> Answer:
        self.note_log()
        return Answer(self.metrics.text(ready=not self.draining), content_type=CONTENT_TYPE)

    def note_log(self) -> None:
        """Copy the log's counters to where other workers see them."""
        if self.log:
            self.metrics.logged(self.log.counts())

    def _openapi(self) -> Answer:
        model = self.router.first.model
        return Answer.json(document(model.signature, model.version, self.limits, admin=self.admin is not None))
