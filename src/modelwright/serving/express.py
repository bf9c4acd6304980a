"""The express lane: small JSON requests of `POST /predict`, those of one turn of the event loop answered together.

No task, no ASGI message and no parsing of headers that were parsed before; rows of several requests become one matrix
and one call of the graph. Whatever is not as usual, refusals among it, is left to the application, which begins anew.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import getrandbits
from typing import Any, Protocol

import httptools
import msgspec

from modelwright.serving.app import Application
from modelwright.serving.http import Call
from modelwright.serving.log.entries import Entries
from modelwright.serving.model import ServedModel
from modelwright.serving.protocols.bodies import JSON, body_of
from modelwright.serving.protocols.compression import packed
from modelwright.serving.refusals import RequestError
from modelwright.serving.traffic.routes import Route

BEGINNING = b"POST /predict HTTP/1.1\r\n"
END = b"\r\n\r\n"
UNUSUAL = frozenset({b"transfer-encoding", b"expect", b"content-encoding", b"x-model-version", b"upgrade"})
LARGEST_HEAD = 2_000  # bytes
LARGEST_BODY = 100_000
HEADS = 1_000  # that are remembered; a caller sends the same one again and again


@dataclass(slots=True)
class Head:
    """What the headers of a request say; all of them were checked."""

    length: int  # of the body
    request_id: str | None
    accepted: bytes  # encodings of the answer


class Caller(Protocol):
    """Where an answer goes, or a request that is not for the express lane after all."""

    def answer(self, content: bytes, now: float) -> None: ...

    def refer(self, request: bytes) -> None: ...


@dataclass(slots=True)
class _Asked:
    caller: Caller
    request: bytes
    head: Head
    request_id: str
    rows: Sequence[Any]  # structs of the model's decoder
    started: float


class Express:
    """Used by the event loop only."""

    def __init__(self, app: Application) -> None:
        self._app, self._metrics = app, app.metrics
        self._heads: dict[bytes, Head] = {}
        self._asked: list[_Asked] = []
        self._waiting_rows = 0
        self._scheduled = False
        self._route: Route | None = None
        self._encode = msgspec.json.Encoder().encode
        self._stamped: tuple[Sequence[tuple[bytes, bytes]], bytes] = ((), b"")
        self.lines: Callable[[], Sequence[tuple[bytes, bytes]]] = tuple  # headers of every answer, such as the date

    def head(self, request: bytes, end: int) -> Head | None:
        """Of a request whose headers end there; None when it is another kind of request."""
        if self._app.draining:
            return None
        head = request[:end]
        return self._heads.get(head) or self._read(head)

    def take(self, caller: Caller, request: bytes, end: int, head: Head, started: float) -> bool:
        """Answer a whole request at the end of this turn; False when it is one for the application."""
        app = self._app
        route = app.router.only
        if route is None or self._metrics.in_flight + len(self._asked) >= app.limits.concurrency:
            return False
        try:
            rows = route.model.decoder.read(request[end:])
        except RequestError:
            return False
        if len(rows) > route.model.pace.inline_rows:
            return False
        if route is not self._route or self._waiting_rows >= route.model.pace.batch_rows:
            self._answer()
            self._route = route
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._end_of_turn)
        request_id = head.request_id or f"{getrandbits(128):032x}"
        self._asked.append(_Asked(caller, request, head, request_id, rows, started))
        self._waiting_rows += len(rows)
        return True

    def _end_of_turn(self) -> None:
        self._scheduled = False
        self._answer()

    def _answer(self) -> None:
        """Score what was collected, count it, log it, and answer."""
        asked, self._asked, self._waiting_rows = self._asked, [], 0
        route, self._route = self._route, None  # one that is served no longer is not kept
        if not asked or route is None:
            return
        model = route.model
        try:
            scored = model.score(model.decoder.encoded([row for one in asked for row in one.rows]))
            predictions = model.written(scored)
        except Exception:  # noqa: BLE001 - the application finds whose fault it is, and says so
            for one in asked:
                one.caller.refer(one.request)
            return
        now = time.perf_counter()
        took_s = [now - one.started for one in asked]
        counts = [len(one.rows) for one in asked]
        self._metrics.observe_all("/predict", 200, took_s)
        self._metrics.scored(route.alias, model.version, len(scored), len(asked))
        if self._app.log:
            request_ids = [one.request_id for one in asked]
            latencies_ms = [1000 * took for took in took_s]
            about = (time.time_ns() // 1000, model.version, route.alias)
            self._app.log.append(Entries(request_ids, counts, latencies_ms, *about, scored))
        status, before = self._status(), self._before(model)
        start = 0
        for one, count in zip(asked, counts, strict=True):
            one.caller.answer(self._written(one, status, before, predictions[start : start + count]), now)
            start += count

    def _written(self, one: _Asked, status: bytes, before: bytes, predictions: Sequence[bytes]) -> bytes:
        """The bytes that the application would have sent."""
        request_id = one.request_id.encode()
        quoted = b'"%b"' % request_id if one.head.request_id is None else self._encode(one.request_id)
        body, encoding = b'%b%b,"predictions":[%b]}' % (before, quoted, b",".join(predictions)), None
        if one.head.accepted:
            body, encoding = packed(body, one.head.accepted)
        more = b"content-encoding: %b\r\nvary: accept-encoding\r\n" % encoding if encoding else b""
        return b"%bcontent-length: %d\r\nx-request-id: %b\r\n%b\r\n%b" % (status, len(body), request_id, more, body)

    def _status(self) -> bytes:
        """The first lines of an answer."""
        lines = self.lines()
        if lines is not self._stamped[0]:
            stamp = b"".join(b"%b: %b\r\n" % line for line in lines)
            self._stamped = (lines, b"HTTP/1.1 200 OK\r\n%bcontent-type: application/json\r\n" % stamp)
        return self._stamped[1]

    def _before(self, model: ServedModel) -> bytes:
        return self._encode({"model": model.name, "version": model.version})[:-1] + b',"request_id":'

    def _read(self, head: bytes) -> Head | None:
        """Headers that were not seen before."""
        if len(head) > LARGEST_HEAD:
            return None
        found = _Headers()
        parser = httptools.HttpRequestParser(found)
        try:
            parser.feed_data(head)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return None
        headers = dict(found.headers)
        length = headers.get(b"content-length", b"0")
        usual = found.complete and parser.should_keep_alive() and len(headers) == len(found.headers)
        if not usual or UNUSUAL & headers.keys() or not length.isdigit() or len(length) > 9:
            return None
        if not 0 < int(length) <= min(LARGEST_BODY, self._app.limits.body_bytes):
            return None
        call = Call.of({"method": "POST", "headers": found.headers}, _nothing)
        try:
            if body_of(headers.get(b"content-type", b"")) is not JSON:
                return None
            self._app.check(call)
        except RequestError:
            return None
        given = call.request_id if headers.get(b"x-request-id") == call.request_id.encode() else None
        known = Head(int(length), given, headers.get(b"accept-encoding", b""))
        if len(self._heads) >= HEADS:
            self._heads.clear()
        self._heads[head] = known
        return known


class _Headers:
    """What httptools finds."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.complete = True


async def _nothing() -> dict[str, Any]:
    raise AssertionError("headers alone are looked at")


def express_of(app: Application) -> Express | None:
    """None where each request needs more than its answer."""
    return Express(app) if app.plain else None
