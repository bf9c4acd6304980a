"""What the workers of a server tell each other about a canary: what each counted, and what all agreed on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

FASTEST_S, WIDTH, BUCKETS = 1e-5, math.log(1.1), 170  # buckets of latency, each 10 % wider: 10 µs to 110 s


@dataclass
class Tally:
    """Requests that were answered, by how long that took, and those that were not. Tallies of workers add up."""

    answered: int = 0
    errors: int = 0
    latency: list[int] = field(default_factory=lambda: [0] * BUCKETS)

    @property
    def requests(self) -> int:
        return self.answered + self.errors

    def add(self, elapsed_s: float) -> None:
        """One that was answered."""
        self.answered += 1
        self.latency[min(BUCKETS - 1, int(math.log(max(elapsed_s, FASTEST_S) / FASTEST_S) / WIDTH))] += 1

    @classmethod
    def total(cls, tallies: Iterable[Tally]) -> Tally:
        found = cls()
        for tally in tallies:
            found.answered += tally.answered
            found.errors += tally.errors
            found.latency = [a + b for a, b in zip(found.latency, tally.latency, strict=True)]
        return found

    def at_rank(self, rank: float) -> int:
        """The bucket of the request that is slower than `rank` others."""
        reached = 0
        for bucket, count in enumerate(self.latency):
            reached += count
            if reached > rank:
                return bucket
        return BUCKETS - 1


@dataclass(frozen=True)
class Counts:
    """One worker's: the canary's of this epoch, and of all other routes since this version is tried."""

    version: int = 0
    epoch: int = 0
    canary: Tally = field(default_factory=Tally)
    others: Tally = field(default_factory=Tally)


@dataclass(frozen=True)
class State:
    """What all workers agree on; `epoch` grows with every change."""

    version: int
    epoch: int = 0
    step: int = 0
    status: Literal["running", "passed", "rolled back"] = "running"
    reason: str = ""
    at: str = ""

    def changed(self, **changes: Any) -> State:
        return replace(self, epoch=self.epoch + 1, at=datetime.now(UTC).isoformat(timespec="seconds"), **changes)
