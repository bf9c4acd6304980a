"""Where the workers of a server tell each other how the canary does: small files in the log's folder.

`canary/<name>/state.json` holds what they agree on, and outlives the server: a version that was rolled back stays so.
`counts-<worker>.json` beside it holds what one worker counted. Whoever looks next adds them up and decides, under a
lock.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from modelwright.core.errors import ModelwrightError
from modelwright.runs.durable import make_folders, replace
from modelwright.runs.locks import lock
from modelwright.serving.traffic.canary_counts import Counts, State, Tally

logger = logging.getLogger(__name__)

Content = TypeVar("Content")

WAIT_S = 0.5  # another worker decides in milliseconds


class Board:
    """Without a folder one worker decides alone, and forgets when it ends."""

    def __init__(self, folder: Path | None, name: str) -> None:
        self._folder = folder / "canary" / name if folder else None
        self._worker = f"{os.getpid()}-{os.urandom(4).hex()}"
        self._told = b""
        self._complaint = ""

    def settle(
        self, known: State | None, own: Counts, decide: Callable[[State | None, Counts], State | None]
    ) -> State | None:
        """What is agreed on after `decide` saw the agreed state and everyone's counts.

        A disk that fails leaves this worker to decide by what it knows itself.
        """
        if self._folder is None:
            return decide(known, own)
        try:
            make_folders(self._folder)
            with lock(self._folder / ".lock", what="the canary's state", wait_s=WAIT_S):
                return self._settle(self._folder, own, decide)
        except (OSError, ModelwrightError) as error:
            if str(error) != self._complaint:  # once, not every second
                logger.warning("the canary's state in %s: %s", self._folder, error)
            self._complaint = str(error)
            return decide(known, own)

    def _settle(
        self, folder: Path, own: Counts, decide: Callable[[State | None, Counts], State | None]
    ) -> State | None:
        agreed = _read(folder / "state.json", State)
        mine = folder / f"counts-{self._worker}.json"
        told = [_read(path, Counts) for path in folder.glob("counts-*.json") if path != mine]
        everyone = [counts for counts in (own, *told) if counts and agreed and counts.version == agreed.version]
        total = Counts(
            own.version,
            own.epoch,
            Tally.total(counts.canary for counts in everyone if agreed and counts.epoch == agreed.epoch),
            Tally.total(counts.others for counts in everyone),
        )
        decided = decide(agreed, total)
        if decided == agreed:
            if agreed and agreed.status == "running" and (content := msgspec.json.encode(own)) != self._told:
                replace(mine, content)
                self._told = content
            return agreed
        replace(folder / "state.json", msgspec.json.encode(decided))
        for path in folder.glob("counts-*.json"):  # counts of the step that is over; the living write theirs again
            path.unlink(missing_ok=True)
        self._told = b""
        return decided


def _read(path: Path, kind: type[Content]) -> Content | None:
    """None also for what is damaged: it is written again."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
