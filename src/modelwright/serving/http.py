"""What the application knows of HTTP: a request on its way, its body within limits, its token, its answer."""

from __future__ import annotations

import asyncio
import hmac
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import getrandbits
from typing import Any

import msgspec

from modelwright.serving.protocols.compression import packed, supported, unpacked
from modelwright.serving.refusals import RequestError
from modelwright.serving.settings import Limits

JSON = b"application/json"
REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")  # what may go into a header

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class CallerLeftError(Exception):
    """The connection closed before the body was whole: nobody is there to be answered."""


@dataclass(slots=True)
class Call:
    """One request; `path` is the pattern that it is counted under."""

    method: str
    headers: dict[bytes, bytes]
    receive: Receive
    request_id: str
    path: str = "other"
    started: float = field(default_factory=time.perf_counter)

    @classmethod
    def of(cls, scope: Scope, receive: Receive) -> Call:
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id")
        if given is None or not REQUEST_ID.fullmatch(request_id := given.decode("latin-1")):
            request_id = f"{getrandbits(128):032x}"
        return cls(scope["method"], headers, receive, request_id)

    @property
    def elapsed_s(self) -> float:
        return time.perf_counter() - self.started

    def check_headers(self, limits: Limits) -> None:
        if sum(map(len, self.headers)) + sum(map(len, self.headers.values())) > limits.header_bytes:
            raise RequestError(431, f"the headers are larger than {limits.header_bytes} bytes")

    def allow(self, *methods: str) -> None:
        if self.method not in methods:
            allowed = ", ".join(methods)
            raise RequestError(405, f"use {allowed} here", headers=[(b"allow", allowed.encode())])

    def authorize(self, token: bytes | None) -> None:
        """401 without the token, 403 with a wrong one; the comparison takes the same time for every wrong one."""
        if token is None:
            return
        given = self.headers.get(b"authorization")
        if given is None:
            raise RequestError(401, "a bearer token is required", headers=[(b"www-authenticate", b"Bearer")])
        scheme, _, offered = given.partition(b" ")
        if scheme.lower() != b"bearer" or not hmac.compare_digest(offered.strip(), token):
            raise RequestError(403, "the bearer token is not valid")

    async def body(self, limits: Limits) -> bytes:
        """The whole body, unpacked. RequestError when it is too large, too slow or damaged."""
        content = await self._received(limits)
        encoding = self._encoding()
        return content if encoding is None else unpacked(content, encoding, limits.body_bytes)

    def _encoding(self) -> bytes | None:
        given = self.headers.get(b"content-encoding")
        if given is None:
            return None
        encoding = given.lower()
        if encoding != b"identity" and not supported(encoding):
            raise RequestError(415, "Content-Encoding: send gzip, deflate or the plain body")
        return None if encoding == b"identity" else encoding

    async def _received(self, limits: Limits) -> bytes:
        declared = self.headers.get(b"content-length", b"0")
        if not declared.isdigit() or len(declared) > 18 or int(declared) > limits.body_bytes:
            raise _too_large(limits)
        self._encoding()  # before the body is waited for
        message = await self.receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            self._within(message["body"], limits)
            return bytes(message["body"])
        content = bytearray()
        try:
            async with asyncio.timeout(limits.body_s):
                while True:
                    if message["type"] != "http.request":
                        raise CallerLeftError
                    content += message["body"]
                    self._within(content, limits)
                    if not message["more_body"]:
                        return bytes(content)
                    message = await self.receive()
        except TimeoutError as error:
            slow = f"the body took longer than {limits.body_s:g} s to arrive"
            raise RequestError(408, slow, headers=[(b"connection", b"close")]) from error

    @staticmethod
    def _within(content: bytes | bytearray, limits: Limits) -> None:
        if len(content) > limits.body_bytes:
            raise _too_large(limits)


def _too_large(limits: Limits) -> RequestError:
    return RequestError(413, f"the body is larger than {limits.body_bytes} bytes")


@dataclass(slots=True)  # not frozen: that would cost a microsecond for each one made
class Answer:
    body: bytes
    status: int = 200
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()

    @classmethod
    def json(cls, content: Any, status: int = 200) -> Answer:
        return cls(msgspec.json.encode(content), status)

    @classmethod
    def refusing(cls, refusal: RequestError, request_id: str) -> Answer:
        return cls(refusal.body(request_id), refusal.status, JSON, tuple(refusal.headers))

    async def send(self, send: Send, call: Call, *, closing: bool) -> None:
        body, encoding = packed(self.body, call.headers.get(b"accept-encoding", b""))
        headers = [
            (b"content-type", self.content_type),
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", call.request_id.encode()),
            *self.headers,
        ]
        if encoding:
            headers += [(b"content-encoding", encoding), (b"vary", b"accept-encoding")]
        if closing:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
