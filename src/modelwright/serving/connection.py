"""A connection as the server sees it: usual requests take the express lane, all others uvicorn's own protocol.

uvicorn's protocol gets the bytes of what it answers untouched, so that chunked and slow bodies, pipelines and damaged
requests are its business, whole requests of `POST /predict` are ours, and none is read by both.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from modelwright.serving.express import BEGINNING, END, Express

BODY_S = 0.02  # from the first byte to the last of a body; then uvicorn waits for the rest


class Connection(asyncio.Protocol):
    def __init__(
        self,
        express: Express,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """As uvicorn makes its protocols, but for the express lane."""
        self._express = express
        self._full = HttpToolsProtocol(config, server_state, app_state, _loop)
        self._loop = self._full.loop
        self._keep_alive_s = config.timeout_keep_alive
        self._transport: asyncio.Transport
        self._held = b""  # a request that is not whole yet, or what came before an answer
        self._since = 0.0  # when the first of it came
        self._awaited = False  # an answer of the express lane
        self._paused = False  # the caller does not read its answers
        self._body_timer: asyncio.TimerHandle | None = None
        self._quiet_timer: asyncio.TimerHandle | None = None
        self._answered = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own are no subclasses of it
        self._full.connection_made(self._transport)

    def data_received(self, data: bytes) -> None:
        if self._awaited:
            self._held += data
            return
        if self._held:
            data, self._held = self._held + data, b""
        else:
            self._since = time.perf_counter()
        if not (data.startswith(BEGINNING) and self._at_rest() and self._taken(data)):
            self._stop_waiting()
            self._full.data_received(data)

    def _taken(self, data: bytes) -> bool:
        """Whether the express lane answers this, or will when its body is there."""
        end = data.find(END) + len(END)
        head = self._express.head(data, end) if end >= len(END) else None
        if head is None:
            return False
        if len(data) < end + head.length:
            self._held = data
            self._body_timer = self._body_timer or self._loop.call_later(BODY_S, self._give_up)
            return True
        self._stop_waiting()
        self._awaited = len(data) == end + head.length and self._express.take(self, data, end, head, self._since)
        if self._awaited and self._full.timeout_keep_alive_task:
            self._full.timeout_keep_alive_task.cancel()
            self._full.timeout_keep_alive_task = None
        return self._awaited

    def answer(self, content: bytes, now: float) -> None:
        """The end of a request that the express lane took."""
        if not self._transport.is_closing():
            self._transport.write(content)
        self._answered = now
        if self._quiet_timer is None:
            self._quiet_timer = self._loop.call_later(self._keep_alive_s, self._close_when_quiet)
        self._go_on()

    def refer(self, request: bytes) -> None:
        """The same for one that it could not answer."""
        if not self._transport.is_closing():
            self._full.data_received(request)
        self._go_on()

    def _go_on(self) -> None:
        self._awaited = False
        if self._held:
            data, self._held = self._held, b""
            self.data_received(data)

    def _stop_waiting(self) -> None:
        """The body is there, or not for the express lane."""
        if self._body_timer:
            self._body_timer.cancel()
            self._body_timer = None

    def _give_up(self) -> None:
        """The body takes its time."""
        self._body_timer = None
        data, self._held = self._held, b""
        if not self._transport.is_closing():
            self._full.data_received(data)

    def _close_when_quiet(self) -> None:
        self._quiet_timer = None
        if self._awaited or self._held or self._transport.is_closing() or not self._at_rest():
            return  # the next answer begins anew
        if self._full.timeout_keep_alive_task is None:  # else uvicorn gave the last answer
            left_s = self._answered + self._keep_alive_s - time.perf_counter()
            if left_s <= 0:
                self._transport.close()
            else:
                self._quiet_timer = self._loop.call_later(left_s, self._close_when_quiet)

    def _at_rest(self) -> bool:
        """Whether uvicorn's protocol is between two requests: all answered, and no byte of the next."""
        full: Any = self._full  # its types do not say that there may be no request yet
        cycle = full.cycle
        if self._paused:
            return False
        if cycle is None:
            return full.scope is None
        answered = cycle.response_complete and cycle.keep_alive and not cycle.more_body
        return bool(answered and cycle.scope is full.scope and not full.pipeline)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._body_timer, self._quiet_timer):
            if timer:
                timer.cancel()
        self._full.connection_lost(exc)

    def eof_received(self) -> None:
        self._full.eof_received()

    def pause_writing(self) -> None:
        self._paused = True
        self._full.pause_writing()

    def resume_writing(self) -> None:
        self._paused = False
        self._full.resume_writing()
