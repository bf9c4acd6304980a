"""Who may ask for what: a bearer token for each role, browser pages of listed origins, so many requests a client."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

from modelwright.serving.http import Answer, Call
from modelwright.serving.refusals import RequestError
from modelwright.serving.settings import AccessSettings

Role = Literal["predict", "metrics", "admin"]
Header = tuple[bytes, bytes]

CLIENTS = 10_000  # addresses that are remembered; the one that was quiet the longest is forgotten first
PREFLIGHT_S = 600  # how long a browser may remember that it may ask


class Access:
    """A token opens its own role only; /metrics is opened by the predict token where it has none of its own."""

    def __init__(self, settings: AccessSettings) -> None:
        tokens = {
            "predict": settings.predict,
            "metrics": settings.metrics or settings.predict,
            "admin": settings.admin,
        }
        self._tokens = {role: token.encode() if token else None for role, token in tokens.items()}
        self.rate = RateLimit(settings.per_s, settings.burst) if settings.per_s else None
        self.origins = Origins(settings.cors) if settings.cors else None

    def check(self, call: Call, role: Role) -> None:
        """RequestError 401 without the token, 403 with another."""
        call.authorize(self._tokens[role])


class RateLimit:
    """A bucket of tokens for each client address: `burst` of them at once, then `per_s`."""

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._burst, self._clock = per_s, float(burst), clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # what was left, and when

    def check(self, address: str) -> None:
        """Take one token. RequestError 429 says when there will be one."""
        client, now = _client(address), self._clock()
        left, before = self._buckets.pop(client, (self._burst, now))
        left = min(self._burst, left + (now - before) * self._per_s)
        allowed = left >= 1
        self._buckets[client] = (left - 1 if allowed else left, now)
        if len(self._buckets) > CLIENTS:
            self._buckets.popitem(last=False)
        if not allowed:
            wait_s = max(1, math.ceil((1 - left) / self._per_s))
            message = f"more than {self._per_s:g} requests a second from your address; try again in {wait_s} s"
            raise RequestError(429, message, headers=[(b"retry-after", b"%d" % wait_s)])


class Origins:
    """Cross-origin requests of browser pages (CORS), for the origins that the spec lists."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self._allowed = {origin.encode() for origin in allowed}

    def preflight(self, call: Call) -> Answer | None:
        """The answer to a browser that asks whether it may ask; None when this is another request."""
        if call.method != "OPTIONS" or b"access-control-request-method" not in call.headers:
            return None
        if not self.headers(call):
            raise RequestError(403, "this origin is not among serve.cors")
        return Answer(
            b"",
            204,
            headers=(
                (b"access-control-allow-methods", b"GET, POST"),
                (b"access-control-allow-headers", b"authorization, content-type, x-model-version, x-request-id"),
                (b"access-control-max-age", b"%d" % PREFLIGHT_S),
            ),
        )

    def headers(self, call: Call) -> tuple[Header, ...]:
        """What lets a page read any answer; nothing for other origins."""
        origin = call.headers.get(b"origin")
        if origin is None or not self._allowed & {origin, b"*"}:
            return ()
        return (
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", b"x-request-id, retry-after"),
            (b"vary", b"origin"),
        )


def _client(address: str) -> str:
    """An IPv6 client owns its whole /64, so that is what is counted."""
    if ":" not in address:
        return address
    try:
        found = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(found.ipv4_mapped or found.packed[:8].hex())
