"""How much of the time that a portfolio was given is left, and whether the next thing still fits into it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

TOLERANCE = 0.03  # of the budget, by which an estimate may be wrong
AROUND_S = 2.0  # of the command, before the portfolio (reading, imports) and after it (writing the run)


@dataclass
class Budget:
    """Seconds since it was made; `reserved_s` is kept back for the final fits of what was kept so far."""

    seconds: float
    reserved_s: float = 0.0
    slowness: float = 1.0  # how many times as long as usual everything takes at present; see `Member`
    stopped: bool = False  # by the user: nothing fits any more
    _started: float = field(default_factory=time.monotonic)

    @property
    def spent_s(self) -> float:
        return time.monotonic() - self._started

    @property
    def left_s(self) -> float:
        return self.seconds - AROUND_S * self.slowness - self.spent_s - self.reserved_s

    def fits(self, cost_s: float) -> bool:
        return not self.stopped and cost_s <= self.left_s + TOLERANCE * self.seconds
