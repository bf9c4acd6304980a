"""Shows what a stage is doing: bars on a terminal, plain lines elsewhere (see `core.progress`)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from modelwright.cli.terminal import coloured, plain, tell
from modelwright.core.progress import Progress, Silent
from modelwright.core.units import format_duration

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

EVERY_S = 10.0  # how often a pipe hears of long work


def progress_for(*, quiet: bool) -> Progress:
    """The progress that suits stderr."""
    if quiet:
        return Silent()
    return Terminal() if sys.stderr.isatty() else Lines()


class Lines:
    """For pipes and logs: one line when work has ended, and one now and then while it lasts."""

    def say(self, text: str) -> None:
        tell(text)

    @contextmanager
    def track(self, label: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        start = told = time.monotonic()
        done = 0

        def advance(more: int) -> None:
            nonlocal done, told
            done += more
            if time.monotonic() - told >= EVERY_S:
                told = time.monotonic()
                tell(f"{label}: {_amount(done, total)}")

        yield advance
        took = format_duration(time.monotonic() - start)
        tell(f"{label}: {took}" if total is None else f"{label}: {_amount(done, total)} in {took}")


class Terminal:
    """For people: bars that vanish when their work has ended."""

    def __init__(self) -> None:
        self._bars: Bars | None = None

    def say(self, text: str) -> None:
        if self._bars is not None and self._bars.live.is_started:
            self._bars.console.print(plain(text), markup=False, highlight=False, soft_wrap=True)
        else:
            tell(text)

    @contextmanager
    def track(self, label: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        bars = self._bars = self._bars or _bars()
        outermost = not bars.live.is_started
        if outermost:
            bars.start()
        task = bars.add_task(plain(label), total=total)
        try:
            yield lambda more: bars.advance(task, more)
        finally:
            bars.remove_task(task)
            if outermost:
                bars.stop()


def _bars() -> Bars:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
    )
    return Progress(
        *columns, console=Console(stderr=True, no_color=not coloured(sys.stderr)), transient=True, expand=True
    )


def _amount(done: int, total: int | None) -> str:
    return f"{done:,}" if total is None else f"{done:,} of {total:,}"
