"""A canary: a new version that takes more of the traffic step by step, and none as soon as it misbehaves."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

from modelwright.serving.metrics import Metrics
from modelwright.serving.settings import CanarySettings
from modelwright.serving.traffic.canary_board import Board
from modelwright.serving.traffic.canary_counts import WIDTH, Counts, State, Tally

TAIL = 0.9  # latencies are compared at this quantile
CONFIDENT = 1.645  # standard errors: what is called slower is slower with 95 % confidence


def judged(settings: CanarySettings, state: State, counts: Counts, elapsed_s: float) -> State:
    """The state after so many requests and seconds of a step; the same object when nothing changes."""
    if state.status != "running":
        return state
    if reason := _fault(settings, counts.canary, counts.others):
        return state.changed(status="rolled back", reason=reason)
    if elapsed_s < settings.every_s or counts.canary.requests < settings.min_requests:
        return state
    if state.step + 1 == len(settings.steps):
        return state.changed(status="passed")
    return state.changed(step=state.step + 1)


def _fault(settings: CanarySettings, canary: Tally, others: Tally) -> str:
    """Why the canary has to go, or nothing. Errors count as soon as `min_requests` could not make them few again."""
    enough = settings.min_requests
    if canary.errors > settings.max_error_share * max(canary.requests, enough):
        return f"{canary.errors} of {canary.requests} requests failed (max_error_share {settings.max_error_share:g})"
    if canary.answered < enough or others.answered < enough:
        return ""
    # The lowest that the tail may be, by order statistics, against the upper edge of the others' bucket.
    spread = CONFIDENT * math.sqrt(canary.answered * TAIL * (1 - TAIL))
    slow = canary.at_rank(max(0.0, canary.answered * TAIL - spread))
    usual = others.at_rank(others.answered * TAIL) + 1
    ratio = math.exp((slow - usual) * WIDTH)
    if ratio > settings.max_latency_ratio:
        return (
            f"at least {ratio:.1f} times as slow as the other routes (max_latency_ratio {settings.max_latency_ratio:g})"
        )
    return ""


class Canary:
    """One worker's view: counts what it sees, and follows what the workers agree on."""

    def __init__(
        self,
        settings: CanarySettings,
        board: Board,
        metrics: Metrics,
        say: Callable[[str], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._settings, self._board, self._metrics, self._say, self._clock = settings, board, metrics, say, clock
        self._version: int | None = None
        self._state: State | None = None
        self._since = 0.0
        self._counts = Counts()
        self._lock = threading.Lock()  # the watching thread and an admin's request

    @property
    def share(self) -> float:
        """Of the requests, between 0 and 1; 0 while the workers try another version than this one has."""
        state = self._state
        if state is None or state.version != self._version or state.status == "rolled back":
            return 0.0
        return 1.0 if state.status == "passed" else self._settings.steps[state.step] / 100

    def begin(self, version: int | None) -> None:
        """The version that the alias now means. One that was tried before goes on where it was."""
        if version == self._version:
            return
        self._version, self._counts = version, Counts()
        if version is not None:
            self._settle(lambda state, _: state if state and state.version == version else _first(version, state))

    def add(self, elapsed_s: float, *, on_canary: bool) -> None:
        """One request that was answered, by the canary or by another route."""
        (self._counts.canary if on_canary else self._counts.others).add(elapsed_s)

    def add_failure(self) -> None:
        """One request that the canary could not answer; another route did."""
        self._counts.canary.errors += 1

    def look(self) -> None:
        """Tell the others what was counted, and decide with what they counted."""
        if self._version is not None:
            self._settle(self._judge)

    def promote(self) -> None:
        """All requests from now on, whatever the steps say."""
        self._settle(lambda state, _: state and state.changed(status="passed", reason="promoted by an admin"))

    def roll_back(self) -> None:
        """No more requests, until the alias means another version."""
        self._settle(lambda state, _: state and state.changed(status="rolled back", reason="rolled back by an admin"))

    def describe(self) -> dict[str, Any] | None:
        """None while the alias means no version, or one that answers already."""
        state = self._state
        if state is None or self._version is None:
            return None
        about = {"version": state.version, "status": state.status, "share": self.share, "reason": state.reason}
        return {**about, "step": state.step + 1, "of": len(self._settings.steps), "since": state.at}

    def _judge(self, state: State | None, counts: Counts) -> State | None:
        if state is None or state.version != self._version or state != self._state:
            return state  # another version than this worker has yet, or a step that it learns of only now
        return judged(self._settings, state, counts, self._clock() - self._since)

    def _settle(self, decide: Callable[[State | None, Counts], State | None]) -> None:
        with self._lock:
            before = self._state
            self._state = state = self._board.settle(before, self._counts, decide)
            if state is None or state == before:
                return
            self._since = self._clock()
            if state.version == self._version:
                self._counts = Counts(state.version, state.epoch, Tally(), self._counts.others)
        self._tell(state)

    def _tell(self, state: State) -> None:
        match state.status:
            case "rolled back":
                self._say(f"canary v{state.version:04d} is rolled back: {state.reason}")
            case "passed":
                self._say(f"canary v{state.version:04d} passed; it answers all requests until the aliases change")
            case "running":
                self._say(f"canary v{state.version:04d} answers {self._settings.steps[state.step]:g} % of the requests")
        self._metrics.add("canary_changes_total", 1, version=state.version, to=state.status)


def _first(version: int, before: State | None) -> State:
    return State(version, before.epoch if before else 0).changed()
