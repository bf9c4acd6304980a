"""The `serve` section: where the server listens, which versions answer, what it logs and what it refuses."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Self

from pydantic import BaseModel, Field, field_validator, model_validator

from modelwright.core.names import NAME_PATTERN
from modelwright.parts.secret import Secret
from modelwright.spec.section import CLOSED


class Route(BaseModel):
    """How much of the traffic an alias answers."""

    model_config = CLOSED

    weight: float = Field(1, ge=0, le=1_000_000, description="Share of requests, relative to the other routes.")


class Log(BaseModel):
    """The prediction log, which `monitor` reads."""

    model_config = CLOSED

    folder: str = Field(min_length=1, description="Where the segments are written.")


class Limits(BaseModel):
    """What one request and all of them together may ask for; more is refused with 408, 413, 422 or 503."""

    model_config = CLOSED

    body_mb: float = Field(8, gt=0, le=1000, description="Largest request body, in megabytes.")
    body_s: float = Field(10, gt=0, le=600, description="Seconds within which the body must have arrived.")
    rows: int = Field(10_000, ge=1, le=1_000_000, description="Most rows in one request.")
    string_chars: int = Field(10_000, ge=1, le=10_000_000, description="Longest text value.")
    queue: int = Field(256, ge=1, le=100_000, description="Most requests in flight.")
    log_rows: int = Field(100_000, ge=1, le=10_000_000, description="Most rows that may wait for the log's writer.")


class Serve(BaseModel):
    """From a bundle to answers over HTTP."""

    model_config = CLOSED

    host: str = Field("127.0.0.1", description="Address to listen on; any but this machine's own needs a token.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    routes: dict[str, Route] = Field(
        default={"champion": Route()}, min_length=1, description="Aliases and their weights."
    )
    log: Log | None = Field(None, description="Log every prediction.")
    token: Secret | None = Field(
        None, description="What clients must send as `Authorization: Bearer …`; ${env:NAME} only."
    )
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
