"""A shadow: scores what another version answered and logs it under its own alias; no caller waits for it or sees it."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from modelwright.serving.log.entries import Entry
from modelwright.serving.log.prediction_log import PredictionLog
from modelwright.serving.metrics import Metrics
from modelwright.serving.settings import ShadowSettings

if TYPE_CHECKING:
    from modelwright.serving.model import Scored
    from modelwright.serving.traffic.routes import Route

logger = logging.getLogger(__name__)

IDLE_S = 0.5


@dataclass(frozen=True)
class Mirrored:
    """A request that waits; `score` reads it again as the shadow wants it."""

    route: Route
    request_id: str
    rows: int
    score: Callable[[Route], Scored]
    loop: asyncio.AbstractEventLoop


class Shadow:
    """One thread, which rests after each request for as long as its share of a core asks.

    Counters and log belong to the event loop, so what the thread finds is handed back to it.
    """

    def __init__(self, settings: ShadowSettings, metrics: Metrics, log: PredictionLog | None) -> None:
        self._settings, self._metrics, self._log = settings, metrics, log
        self._waiting: deque[Mirrored] = deque()
        self._waiting_rows = 0
        self._draw = Random()  # which requests are mirrored is no secret
        self._complaint = ""
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
        self._thread.start()

    def mirror(self, route: Route, request_id: str, rows: int, score: Callable[[Route], Scored]) -> None:
        """Queue a request, or leave it out: by the share that is asked for, or because too much waits."""
        if self._draw.random() >= self._settings.share:
            return
        if self._waiting_rows + rows > self._settings.waiting_rows:
            self._metrics.add("shadow_requests_total", 1, outcome="left out")
            return
        self._waiting_rows += rows
        self._waiting.append(Mirrored(route, request_id, rows, score, asyncio.get_running_loop()))
        self._wake.set()

    def close(self) -> None:
        """Stop after the request at hand; what waits is left out."""
        self._stop.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            if not self._waiting:
                self._wake.wait(IDLE_S)
                self._wake.clear()
                continue
            mirrored = self._waiting.popleft()
            started = time.perf_counter()
            scored = self._score(mirrored)
            elapsed_s = time.perf_counter() - started
            with suppress(RuntimeError):  # the loop is closed: the server stops
                mirrored.loop.call_soon_threadsafe(self._finished, mirrored, scored, elapsed_s)
            del mirrored, scored  # a version that is no longer served is not held while this thread rests
            self._stop.wait(elapsed_s * (1 / self._settings.max_cpu_share - 1))

    def _score(self, mirrored: Mirrored) -> Scored | None:
        try:
            return mirrored.score(mirrored.route)
        except Exception as error:  # noqa: BLE001  # a request it does not accept, and what no one thought of
            if str(error) != self._complaint:  # once, not at every request
                logger.warning("shadow %s could not score a request: %s", mirrored.route.alias, error)
            self._complaint = str(error)
            return None

    def _finished(self, mirrored: Mirrored, scored: Scored | None, elapsed_s: float) -> None:
        self._waiting_rows -= mirrored.rows
        self._metrics.add("shadow_requests_total", 1, outcome="failed" if scored is None else "scored")
        if scored is not None and self._log:
            route, now_us = mirrored.route, time.time_ns() // 1000
            about = (mirrored.request_id, now_us, route.model.version, route.alias, elapsed_s * 1000)
            self._log.append(Entry(*about, scored, shadow=True))
