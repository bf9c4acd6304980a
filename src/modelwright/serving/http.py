"""What the application knows of HTTP: a request on its way, its body within limits, its token, its answer."""

from __future__ import annotations

import asyncio
import hmac
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from os import urandom
from typing import Any

import msgspec

from modelwright.serving.refusals import RequestError
from modelwright.serving.settings import Limits

JSON = b"application/json"
REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")  # what may go into a header

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class CallerLeftError(Exception):
    """The connection closed before the body was whole: nobody is there to be answered."""


@dataclass
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
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = given if REQUEST_ID.fullmatch(given) else urandom(16).hex()
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
        """The whole body. RequestError when it is too large, too slow or compressed."""
        too_large = RequestError(413, f"the body is larger than {limits.body_bytes} bytes")
        declared = self.headers.get(b"content-length", b"0")
        if not declared.isdigit() or len(declared) > 18 or int(declared) > limits.body_bytes:
            raise too_large
        if self.headers.get(b"content-encoding", b"identity") != b"identity":
            raise RequestError(415, "send the body uncompressed")
        message = await self.receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            self._within(message["body"], too_large, limits)
            return bytes(message["body"])
        content = bytearray()
        try:
            async with asyncio.timeout(limits.body_s):
                while True:
                    if message["type"] != "http.request":
                        raise CallerLeftError
                    content += message["body"]
                    self._within(content, too_large, limits)
                    if not message["more_body"]:
                        return bytes(content)
                    message = await self.receive()
        except TimeoutError as error:
            slow = f"the body took longer than {limits.body_s:g} s to arrive"
            raise RequestError(408, slow, headers=[(b"connection", b"close")]) from error

    @staticmethod
    def _within(content: bytes | bytearray, too_large: RequestError, limits: Limits) -> None:
        if len(content) > limits.body_bytes:
            raise too_large


@dataclass(frozen=True)
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
        headers = [
            (b"content-type", self.content_type),
            (b"content-length", b"%d" % len(self.body)),
            (b"x-request-id", call.request_id.encode()),
            *self.headers,
        ]
        if closing:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})
