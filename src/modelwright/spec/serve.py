"""The `serve` section: where the server listens, which versions answer, what it logs and what it refuses."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from modelwright.core.names import NAME_PATTERN
from modelwright.parts.secret import Secret
from modelwright.spec.section import CLOSED

ORIGIN = r"^(\*|https?://[A-Za-z0-9.\-\[\]:]+)$"


class Route(BaseModel):
    """How much of the traffic an alias answers."""

    model_config = CLOSED

    weight: float = Field(1, ge=0, le=1_000_000, description="Share of requests, relative to the other routes.")


class Grpc(BaseModel):
    """The Open Inference Protocol over gRPC, beside HTTP; needs the extra `grpc`."""

    model_config = CLOSED

    port: int = Field(8081, ge=0, le=65535, description="Port to listen on, at the same address as HTTP.")


class Traces(BaseModel):
    """OpenTelemetry traces, a span for each request; needs the extra `otel`."""

    model_config = CLOSED

    endpoint: str = Field(
        pattern=r"^https?://[^\s]+$",
        description="Where the collector takes OTLP over HTTP, such as http://localhost:4318/v1/traces.",
    )
    sample: float = Field(1, ge=0, le=1, description="Share of requests traced; a caller's own decision goes first.")


class Log(BaseModel):
    """The prediction log, which `monitor` reads."""

    model_config = CLOSED

    folder: str = Field(min_length=1, description="Where the segments are written.")
    sample: float = Field(1, gt=0, le=1, description="Share of requests that are logged, whole or not at all.")
    redact: list[str] = Field([], description="Columns that are never logged; monitor can't look at them.")


class Canary(BaseModel):
    """A new version that takes more and more of the traffic, and none as soon as it misbehaves."""

    model_config = CLOSED

    alias: str = Field(
        "canary", pattern=NAME_PATTERN, description="The alias that is tried; it has no weight in routes."
    )
    steps: list[Annotated[float, Field(gt=0, le=100)]] = Field(
        [1, 5, 25, 100], min_length=1, max_length=20, description="Percent of the requests, step after step."
    )
    every_s: float = Field(300, gt=0, le=604_800, description="Seconds that a step lasts at least.")
    min_requests: int = Field(
        200, ge=1, le=10_000_000, description="Requests that a step must have seen before it is judged as passed."
    )
    max_error_share: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Share of the canary's requests that it may fail to answer; above, it is rolled back.",
    )
    max_latency_ratio: float = Field(
        1.5, ge=1, le=100, description="How much slower its slowest tenth may be than that of the other routes."
    )

    @field_validator("steps")
    @classmethod
    def _rising(cls, steps: list[float]) -> list[float]:
        if steps != sorted(set(steps)):
            raise ValueError("each step must be larger than the one before")
        return steps


class Shadow(BaseModel):
    """A version that scores what others answered, for the log only."""

    model_config = CLOSED

    alias: str = Field("shadow", pattern=NAME_PATTERN, description="The alias that is mirrored to; no caller sees it.")
    share: float = Field(1, gt=0, le=1, description="Share of the requests that are mirrored.")
    max_cpu_share: float = Field(
        0.25, gt=0, le=1, description="Most of one core's time that mirroring may take, in each worker."
    )
    waiting_rows: int = Field(
        1_000, ge=1, le=1_000_000, description="Most rows that may wait to be mirrored; what comes then is left out."
    )


class Cache(BaseModel):
    """Remembers answers: the same input to the same version is scored once."""

    model_config = CLOSED

    max_mb: float = Field(64, gt=0, le=100_000, description="Memory for remembered answers, in each worker.")


class RateLimit(BaseModel):
    """How often one client address may ask; more gets 429 with Retry-After."""

    model_config = CLOSED

    per_s: float = Field(gt=0, le=1_000_000, description="Requests a second over a longer time, in each worker.")
    burst: int = Field(10, ge=1, le=1_000_000, description="Requests that may come at once after a pause.")


class Tls(BaseModel):
    """Serve HTTPS with this certificate."""

    model_config = CLOSED

    cert: str = Field(
        min_length=1, description="PEM file: the server's certificate, then those between it and the root."
    )
    key: str = Field(min_length=1, description="PEM file: its private key, without a passphrase.")


class Limits(BaseModel):
    """What one request and all of them together may ask for; more is refused with 408, 413, 422 or 503."""

    model_config = CLOSED

    body_mb: float = Field(8, gt=0, le=1000, description="Largest request body, in megabytes.")
    body_s: float = Field(10, gt=0, le=600, description="Seconds within which the body must have arrived.")
    rows: int = Field(10_000, ge=1, le=1_000_000, description="Most rows in one request.")
    string_chars: int = Field(10_000, ge=1, le=10_000_000, description="Longest text value.")
    queue: int = Field(256, ge=1, le=100_000, description="Most requests in flight.")
    waiting_rows: int = Field(
        20_000, ge=1, le=10_000_000, description="Most rows that may wait to be scored; more is refused with 503."
    )
    deadline_s: float = Field(
        10, gt=0, le=600, description="Seconds that a request may wait to be scored; then it is refused with 503."
    )
    log_rows: int = Field(100_000, ge=1, le=10_000_000, description="Most rows that may wait for the log's writer.")


class Serve(BaseModel):
    """From a bundle to answers over HTTP."""

    model_config = CLOSED

    host: str = Field("127.0.0.1", description="Address to listen on; any but this machine's own needs a token.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    routes: dict[str, Route] = Field(
        default={"champion": Route()}, min_length=1, description="Aliases and their weights."
    )
    canary: Canary | None = Field(None, description="Try a new version in steps; needs log.")
    shadow: Shadow | None = Field(None, description="Mirror requests to a version that never answers; needs log.")
    reload_s: float = Field(
        1, ge=0, le=3600, description="Seconds between looks at the aliases; 0 looks only when an admin or SIGHUP asks."
    )
    cache: Cache | None = Field(None, description="Remember answers; off unless given.")
    log: Log | None = Field(None, description="Log every prediction.")
    grpc: Grpc | None = Field(None, description="Answer over gRPC, too.")
    traces: Traces | None = Field(None, description="Send a trace of every request.")
    token: Secret | None = Field(
        None, description="What clients must send as `Authorization: Bearer …`; ${env:NAME} only."
    )
    metrics_token: Secret | None = Field(None, description="Opens /metrics and nothing else; without it, token does.")
    admin_token: Secret | None = Field(None, description="Opens /admin, which does not exist without it.")
    tls: Tls | None = Field(None, description="Serve HTTPS; without it, HTTP.")
    cors: list[Annotated[str, Field(pattern=ORIGIN)]] = Field(
        [],
        max_length=100,
        description='Origins whose pages may ask from a browser, such as https://app.example.com, or "*".',
    )
    rate_limit: RateLimit | None = Field(
        None, description="Requests that one client address may send; off unless given."
    )
    workers: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = Field(
        1, description="Processes that share the port; auto: one for each processor that we may use."
    )
    providers: list[Literal["cpu", "cuda", "tensorrt"]] = Field(
        ["cpu"], min_length=1, max_length=3, description="What runs the graph, in this order; cpu takes what is left."
    )
    fallback: bool = Field(False, description="Go on without a provider that is not there; else that is an error.")
    limits: Limits = Field(Limits(), description="Caps on requests.")

    @field_validator("routes")
    @classmethod
    def _some_weight(cls, routes: dict[str, Route]) -> dict[str, Route]:
        for alias in routes:
            if not re.fullmatch(NAME_PATTERN, alias):
                raise ValueError(f"{alias!r} is not a valid name of an alias")
        if not any(route.weight for route in routes.values()):
            raise ValueError("at least one route needs a weight above 0")
        return routes

    @model_validator(mode="after")
    def _aliases_have_one_job(self) -> Self:
        taken = list(self.routes)
        for name, section in (("canary", self.canary), ("shadow", self.shadow)):
            if section is None:
                continue
            if section.alias in taken:
                raise ValueError(f"{name}.alias: {section.alias!r} has another job already; each alias has one")
            if self.log is None:
                raise ValueError(f"{name} needs log: {{folder: …}}, where it keeps what it found")
            taken.append(section.alias)
        return self

    @model_validator(mode="after")
    def _open_needs_a_token(self) -> Self:
        if not is_loopback(self.host) and self.token is None:
            raise ValueError(f"host {self.host} is reachable from outside, so a token is needed: token: ${{env:NAME}}")
        return self


def is_loopback(host: str) -> bool:
    """Only this machine can reach it."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
