"""How long work tells what it does; the command line shows it, everything else only speaks to this."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Progress(Protocol):
    def say(self, text: str) -> None:
        """One line worth reading: what happened, with its figures."""

    def track(self, label: str, total: int | None = None) -> AbstractContextManager[Callable[[int], None]]:
        """A bar; call the yielded function with how many more are done."""


class Silent:
    """No progress shown: tests, libraries, `--quiet`."""

    def say(self, text: str) -> None:
        pass

    @contextmanager
    def track(self, label: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        yield lambda done: None
