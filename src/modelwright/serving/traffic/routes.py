"""Which version answers a request: by weight, and the same for the same caller every time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelwright.core.errors import SpecError

if TYPE_CHECKING:
    from modelwright.serving.model import ServedModel


@dataclass(frozen=True)
class Route:
    alias: str
    weight: float
    model: ServedModel
    folder: str = ""  # where the model came from


class Router:
    """The first route is the one that requests are checked against; it also answers when another can't.

    The canary takes its share from all of them alike. The shadow never answers, not even who insists on it.
    """

    def __init__(self, routes: Sequence[Route], *, canary: Route | None = None, shadow: Route | None = None) -> None:
        total = sum(route.weight for route in routes)
        if not routes or total <= 0:
            raise SpecError("serve.routes: no route has any weight", hint="give champion a weight above 0")
        self.routes, self.canary, self.shadow = tuple(routes), canary, shadow
        answering = (*routes, canary) if canary else tuple(routes)
        self.by_version = {route.model.version: route for route in reversed(answering)}
        self.by_alias = {route.alias: route for route in answering}
        alone = len(self.routes) == 1 and canary is None and shadow is None
        self.only = self.routes[0] if alone else None  # what answers every request, whoever asks
        self._limits: list[tuple[float, Route]] = []
        reached = 0.0
        for route in routes:
            reached += route.weight / total
            self._limits.append((reached, route))

    @property
    def all_routes(self) -> tuple[Route, ...]:
        return (*self.routes, *(route for route in (self.canary, self.shadow) if route))

    @property
    def first(self) -> Route:
        return self.routes[0]

    def pick(self, key: str, canary_share: float = 0.0) -> Route:
        """The same key always takes the same route, as long as the weights stay.

        A key that the canary has it keeps while the canary's share grows; the others stay where they were.
        """
        if len(self._limits) == 1 and not canary_share:
            return self.first
        digest = hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=16).digest()
        if self.canary and _between_0_and_1(digest[8:]) < canary_share:
            return self.canary
        number = _between_0_and_1(digest[:8])
        return next((route for limit, route in self._limits if number < limit), self._limits[-1][1])


def _between_0_and_1(digest: bytes) -> float:
    return int.from_bytes(digest, "big") / 2**64
