"""When rows are scored: at once where that takes microseconds, else in one thread, in batches of what waits for it.

What comes in the same turn of the event loop is scored in one call either way: a second row costs a fraction of the
first, because the model is in the processor's cache and one call is one call.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from modelwright.serving.layout import Rows, joined
from modelwright.serving.model import Scored, ServedModel
from modelwright.serving.refusals import RequestError
from modelwright.serving.settings import Limits


@dataclass
class _Waiting:
    model: ServedModel
    rows: Rows
    answer: asyncio.Future[Scored]
    until: float = math.inf  # by the loop's clock


class Scoring:
    """While the thread is busy, what arrives is collected, and then scored together.

    Requests that are scored at once are collected too, until the end of the turn, if the turn before had several.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._together = False
        self._in_turn = 0
        self._collected: list[_Waiting] = []
        self._waiting: deque[_Waiting] = deque()
        self._waiting_rows = 0
        self._busy = False
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="scoring")

    async def score(self, model: ServedModel, rows: Rows) -> Scored:
        """RequestError 503 when too many rows wait, or when these have waited for too long."""
        loop = asyncio.get_running_loop()
        if len(rows) <= model.pace.inline_rows:
            self._in_turn += 1
            if self._in_turn == 1:
                loop.call_soon(self._end_of_turn)
            if not self._together:
                return model.score(rows)
            collected = _Waiting(model, rows, loop.create_future())
            self._collected.append(collected)
            return await collected.answer
        self._refuse_when_full(model, len(rows))
        waiting = _Waiting(model, rows, loop.create_future(), loop.time() + self._limits.deadline_s)
        self._waiting.append(waiting)
        self._waiting_rows += len(rows)
        if not self._busy:
            self._next(loop)
        return await waiting.answer

    def close(self) -> None:
        """After the last answer."""
        self._executor.shutdown()

    def _end_of_turn(self) -> None:
        """Score what was collected, model by model."""
        self._together, self._in_turn = self._in_turn > 1, 0
        collected, self._collected = self._collected, []
        while collected:
            batch = [waiting for waiting in collected if waiting.model is collected[0].model]
            collected = [waiting for waiting in collected if waiting.model is not batch[0].model]
            _answer(batch, _each(batch))

    def _refuse_when_full(self, model: ServedModel, rows: int) -> None:
        """One request alone is never too many; its own size has a limit of its own."""
        if self._waiting and self._waiting_rows + rows > self._limits.waiting_rows:
            seconds = max(1, math.ceil(self._waiting_rows * model.pace.row_us / 1e6))
            headers = [(b"retry-after", b"%d" % seconds)]
            raise RequestError(503, f"{self._waiting_rows} rows are waiting; try again soon", headers=headers)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand the thread the next batch: what waits first, and what follows it for the same model."""
        batch = self._batch(loop.time())
        self._busy = bool(batch)
        if batch:
            self._executor.submit(self._work, loop, batch)

    def _batch(self, now: float) -> list[_Waiting]:
        batch: list[_Waiting] = []
        rows = 0
        while self._waiting:
            first = self._waiting[0]
            late = now > first.until
            fits = not batch or (
                first.model is batch[0].model and rows + len(first.rows) <= first.model.pace.batch_rows
            )
            if not late and not fits:
                break
            self._waiting.popleft()
            self._waiting_rows -= len(first.rows)
            if late:
                words = f"waited longer than {self._limits.deadline_s:g} s for other requests"
                first.answer.set_exception(RequestError(503, words, headers=[(b"retry-after", b"1")]))
            elif not first.answer.cancelled():
                batch.append(first)
                rows += len(first.rows)
        return batch

    def _work(self, loop: asyncio.AbstractEventLoop, batch: Sequence[_Waiting]) -> None:
        """In the thread."""
        loop.call_soon_threadsafe(self._done, loop, batch, _each(batch))

    def _done(
        self, loop: asyncio.AbstractEventLoop, batch: Sequence[_Waiting], found: Sequence[Scored | Exception]
    ) -> None:
        self._next(loop)  # first, so that the thread has work while the answers are written
        _answer(batch, found)


def _answer(batch: Sequence[_Waiting], found: Sequence[Scored | Exception]) -> None:
    for waiting, scored in zip(batch, found, strict=True):
        if waiting.answer.cancelled():
            continue
        if isinstance(scored, Exception):
            waiting.answer.set_exception(scored)
        else:
            waiting.answer.set_result(scored)


def _each(batch: Sequence[_Waiting]) -> Sequence[Scored | Exception]:
    """Together; where that fails, one by one, so that only the request at fault does."""
    try:
        return _scored(batch)
    except Exception:  # noqa: BLE001 - told to whom it concerns
        return [_alone(waiting) for waiting in batch]


def _scored(batch: Sequence[_Waiting]) -> list[Scored]:
    """The whole batch in one call, then taken apart again."""
    together = batch[0].model.score(joined([waiting.rows for waiting in batch]))
    if len(batch) == 1:
        return [together]
    parts, start = [], 0
    for waiting in batch:
        stop = start + len(waiting.rows)
        parts.append(Scored(waiting.rows, {name: values[start:stop] for name, values in together.answers.items()}))
        start = stop
    return parts


def _alone(waiting: _Waiting) -> Scored | Exception:
    try:
        return waiting.model.score(waiting.rows)
    except Exception as error:  # noqa: BLE001 - told to the one who waits for it
        return error
