"""From a request that was read to its answer: which route answers it, what is counted, logged and mirrored."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable

import numpy as np

from modelwright.serving.http import Answer, Call
from modelwright.serving.layout import Rows
from modelwright.serving.log.entries import Entry
from modelwright.serving.log.prediction_log import PredictionLog
from modelwright.serving.metrics import Metrics
from modelwright.serving.model import Scored
from modelwright.serving.refusals import RequestError
from modelwright.serving.scoring import Scoring
from modelwright.serving.traffic.cache import AnswerCache
from modelwright.serving.traffic.canary import Canary
from modelwright.serving.traffic.routes import Route, Router
from modelwright.serving.traffic.shadow import Shadow

logger = logging.getLogger(__name__)

Decode = Callable[[Route], Rows]
Render = Callable[[Route, Scored], Answer]


class NotANumberError(Exception):
    """A canary answered NaN or infinity."""


class Answering:
    """All protocols end here, so that they share routes, counters and log."""

    def __init__(
        self,
        router: Router,
        metrics: Metrics,
        log: PredictionLog | None,
        scoring: Scoring,
        *,
        cache: AnswerCache | None = None,
        canary: Canary | None = None,
        shadow: Shadow | None = None,
    ) -> None:
        self.router, self.metrics, self.log = router, metrics, log
        self.canary, self._cache, self._shadow = canary, cache, shadow
        self._scoring = scoring
        self._complaint = ""

    async def answer(self, call: Call, decode: Decode, render: Render, forced: Route | None = None) -> Answer:
        """`decode` reads the request's rows as one route wants them; `render` writes what that route answered."""
        router = self.router  # the same to the end, though a reload may come in between
        first = forced or router.first
        rows = decode(first)
        if forced:
            route = forced
            scored, answer, _ = await self._scored(forced, rows, render)
        else:
            route, scored, answer = await self._shared(call, router, rows, decode, render)
        self.metrics.scored(route.alias, route.model.version, len(scored))
        if self.log:
            now_us = time.time_ns() // 1000
            self.log.append(
                Entry(call.request_id, now_us, route.model.version, route.alias, call.elapsed_s * 1000, scored)
            )
        if self._shadow and router.shadow and not forced:
            self._shadow.mirror(
                router.shadow, call.request_id, len(rows), lambda to: to.model.score(_for(to, first, rows, decode))
            )
        return answer

    @property
    def plain(self) -> bool:
        """Whether nothing is done with answers but counting and logging them."""
        return self._cache is None and self._shadow is None and self.canary is None

    def change_to(self, router: Router) -> None:
        """From the next request on; what is in flight ends with the routes that it began with."""
        self.router = router
        if self._cache:
            self._cache.forget_all_but(router.by_version)

    def of_version(self, version: str) -> Route:
        """The route of a version, written 2 or v0002, or of an alias. RequestError 404 when it is not served."""
        if version in self.router.by_alias:
            return self.router.by_alias[version]
        text = version.removeprefix("v")
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
        if number not in self.router.by_version:
            there = ", ".join(map(str, sorted(self.router.by_version)))
            name = self.router.first.model.name
            raise RequestError(404, f"there is no version {version[:20]!r} of {name}; this server has {there}")
        return self.router.by_version[number]

    def close(self) -> None:
        """After the last answer: stop the threads, write what the log still holds."""
        self._scoring.close()
        if self._shadow:
            self._shadow.close()
        if self.log:
            self.log.close()

    async def _shared(
        self, call: Call, router: Router, rows: Rows, decode: Decode, render: Render
    ) -> tuple[Route, Scored, Answer]:
        """By the route whose turn it is, or by the first where that one can't: a try never costs a caller an answer."""
        first, canary = router.first, self.canary
        route = router.pick(_sticky_key(first, rows) or call.request_id, canary.share if canary else 0.0)
        try:
            scored, answer, took_s = await self._scored(route, _for(route, first, rows, decode), render)
            if route is router.canary:
                _check_numbers(scored)
        except Exception as error:
            if route is first or (isinstance(error, RequestError) and error.status >= 500):  # busy, whatever the route
                raise
            if not isinstance(error, RequestError):
                self._complain(call, route, error)
            self.metrics.fell_back()
            if canary and route is router.canary:
                canary.add_failure()
            scored, answer, _ = await self._scored(first, rows, render)
            return first, scored, answer
        if canary and took_s is not None:
            canary.add(took_s, on_canary=route is router.canary)
        return route, scored, answer

    def _complain(self, call: Call, route: Route, error: Exception) -> None:
        """The same error is told with its traceback once: a canary that fails always would drown all else."""
        told, self._complaint = self._complaint == str(error), str(error)
        logger.error(
            "request %s: %s could not answer it: %s",
            call.request_id,
            route.alias,
            error,
            exc_info=None if told else error,
        )

    async def _scored(self, route: Route, rows: Rows, render: Render) -> tuple[Scored, Answer, float | None]:
        """With the seconds that it took; None where the scores were remembered."""
        if self._cache is None:
            return await self._run(route, rows, render)
        version = route.model.version
        key = self._cache.key(route.model, rows)
        found = self._cache.find(key)
        if found is not None:
            self.metrics.add("cache_hits_total", 1, version=version)
            scored = dataclasses.replace(found, rows=rows)
            return scored, render(route, scored), None
        self.metrics.add("cache_misses_total", 1, version=version)
        scored, answer, took_s = await self._run(route, rows, render)
        self._cache.keep(key, scored)
        return scored, answer, took_s

    async def _run(self, route: Route, rows: Rows, render: Render) -> tuple[Scored, Answer, float]:
        started = time.perf_counter()
        scored = await self._scoring.score(route.model, rows)
        answer = render(route, scored)
        return scored, answer, time.perf_counter() - started


def _sticky_key(first: Route, rows: Rows) -> str | None:
    """What keeps a caller on a route: the id of the first row."""
    name = first.model.signature.id_field
    if name is None:
        return None
    value = rows.column(name)[0]
    return str(value) if value != "" and value == value else None  # NaN is no id


def _for(route: Route, first: Route, rows: Rows, decode: Decode) -> Rows:
    """The rows as a route wants them: the first one's where it wants the same. RequestError where it refuses them."""
    same = route is first or route.model.signature.fields == first.model.signature.fields
    return rows if same else decode(route)


def _check_numbers(scored: Scored) -> None:
    for name, values in scored.answers.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise NotANumberError(f"{name} is not a number")
