"""What a server process is told when it starts; travels as JSON over a pipe, so that no secret is seen in `ps`."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

import msgspec

from modelwright.core.errors import SpecError


@dataclass(frozen=True)
class Limits:
    """What one request and all requests together may cost."""

    body_bytes: int = 8_000_000
    header_bytes: int = 16_000
    rows: int = 10_000
    string_chars: int = 10_000
    concurrency: int = 256
    body_s: float = 10.0  # how long a body may take to arrive
    log_rows: int = 100_000  # rows that may wait for the prediction log's writer


@dataclass(frozen=True)
class RouteSettings:
    """One alias, its share of the requests and the bundle behind it."""

    alias: str
    weight: float
    folder: str


@dataclass(frozen=True)
class ServerSettings:
    """`routes`: the first is the one that requests are checked against."""

    routes: tuple[RouteSettings, ...]
    host: str = "127.0.0.1"
    port: int = 8080
    token: str | None = field(default=None, repr=False)
    log_folder: str | None = None
    limits: Limits = field(default_factory=Limits)
    drain_s: float = 1.0  # how long readiness says 503 before the port closes
    stop_s: float = 30.0  # how long requests in flight may then take

    def __post_init__(self) -> None:
        if not loopback(self.host) and not self.token:
            raise SpecError(
                f"serve.host: {self.host} is reachable from other machines, so a token is required",
                hint="set serve.token: ${env:MODELWRIGHT_TOKEN}, or serve on 127.0.0.1",
            )

    def to_json(self) -> bytes:
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, content: bytes) -> ServerSettings:
        return msgspec.json.decode(content, type=cls)


def loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
