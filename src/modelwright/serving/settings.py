"""What a server process is told when it starts; travels as JSON over a pipe, so that no secret is seen in `ps`."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from modelwright.core.errors import SpecError

Role = Literal["route", "canary", "shadow"]


@dataclass(frozen=True)
class Limits:
    """What one request and all requests together may cost."""

    body_bytes: int = 8_000_000
    header_bytes: int = 16_000
    rows: int = 10_000
    string_chars: int = 10_000
    concurrency: int = 256
    body_s: float = 10.0  # how long a body may take to arrive
    waiting_rows: int = 20_000  # rows that may wait for the thread that scores
    deadline_s: float = 10.0  # how long they may wait
    log_rows: int = 100_000  # rows that may wait for the prediction log's writer


@dataclass(frozen=True)
class RouteSettings:
    """One alias, its share of the requests and the bundle behind it."""

    alias: str
    weight: float
    folder: str
    role: Role = "route"


@dataclass(frozen=True)
class Following:
    """Where the aliases are kept and which of them are served, so that a change is noticed while serving."""

    runs: str
    name: str
    weights: dict[str, float]
    canary: str | None = None
    shadow: str | None = None
    every_s: float = 1.0  # 0: only when asked


@dataclass(frozen=True)
class CanarySettings:
    """`steps` in percent."""

    steps: tuple[float, ...]
    every_s: float
    min_requests: int
    max_error_share: float
    max_latency_ratio: float


@dataclass(frozen=True)
class ShadowSettings:
    share: float = 1.0
    max_cpu_share: float = 0.25
    waiting_rows: int = 1_000


@dataclass(frozen=True)
class AccessSettings:
    """Who may ask: tokens by role, origins of pages, requests of one address."""

    predict: str | None = field(default=None, repr=False)
    metrics: str | None = field(default=None, repr=False)
    admin: str | None = field(default=None, repr=False)
    cors: tuple[str, ...] = ()
    per_s: float | None = None
    burst: int = 10


@dataclass(frozen=True)
class TlsSettings:
    cert: str
    key: str


@dataclass(frozen=True)
class TraceSettings:
    endpoint: str
    sample: float = 1.0


@dataclass(frozen=True)
class ServerSettings:
    """`routes`: the first is the one that requests are checked against."""

    routes: tuple[RouteSettings, ...]
    host: str = "127.0.0.1"
    port: int = 8080
    access: AccessSettings = field(default_factory=AccessSettings)
    tls: TlsSettings | None = None
    grpc_port: int | None = None
    traces: TraceSettings | None = None
    log_folder: str | None = None
    log_sample: float = 1.0
    log_redact: tuple[str, ...] = ()
    following: Following | None = None  # None: the routes stay as they are
    canary: CanarySettings | None = None
    shadow: ShadowSettings | None = None
    cache_mb: float = 0.0
    limits: Limits = field(default_factory=Limits)
    providers: tuple[str, ...] = ("cpu",)
    fallback: bool = False  # go on without a provider that is not there
    workers: int = 1  # processes; 0: as many as there are processors for us
    worker_number: int = 0  # from 0, so that what concerns all of them is said once
    worker_folder: str | None = None  # of a worker: where the counters of all of them are
    drain_s: float = 1.0  # how long readiness says 503 before the port closes, and open connections may then still ask
    stop_s: float = 30.0  # how long requests in flight may then take

    def __post_init__(self) -> None:
        access = self.access
        if access.admin and access.admin in (access.predict, access.metrics):
            raise SpecError(
                "serve.admin_token: must differ from the other tokens", hint="set it from a variable of its own"
            )
        if not loopback(self.host) and not access.predict:
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
