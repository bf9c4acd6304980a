"""The thread that looks around once in a while: have the aliases moved, how does the canary do?"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

logger = logging.getLogger(__name__)


class Watcher:
    """Calls each look every `every_s`; one that fails is logged and called again the next time."""

    def __init__(self, looks: Sequence[Callable[[], None]], every_s: float) -> None:
        self._looks, self._every_s = tuple(looks), every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watching", daemon=True)
        self._complaint = ""

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """After the look at hand."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Once around."""
        for look in self._looks:
            try:
                look()
            except Exception as error:
                if str(error) != self._complaint:  # once, not every second
                    logger.exception("the watching thread goes on after an error")
                self._complaint = str(error)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self.look()
