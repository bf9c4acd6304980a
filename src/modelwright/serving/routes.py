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


class Router:
    """The first route is the one that requests are checked against; it also answers when another can't."""

    def __init__(self, routes: Sequence[Route]) -> None:
        total = sum(route.weight for route in routes)
        if not routes or total <= 0:
            raise SpecError("serve.routes: no route has any weight", hint="give champion a weight above 0")
        self.routes = tuple(routes)
        self.by_version = {route.model.version: route for route in reversed(routes)}
        self._limits: list[tuple[float, Route]] = []
        reached = 0.0
        for route in routes:
            reached += route.weight / total
            self._limits.append((reached, route))

    @property
    def first(self) -> Route:
        return self.routes[0]

    def pick(self, key: str) -> Route:
        """The same key always takes the same route, as long as the weights stay."""
        if len(self._limits) == 1:
            return self.first
        number = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") / 2**64
        return next((route for limit, route in self._limits if number < limit), self._limits[-1][1])
