"""Names for exported versions (champion, challenger, any other) with a history that only grows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.core.canonical import digest, to_json
from modelwright.core.errors import ArtifactError, LockedError, SpecError
from modelwright.core.names import checked_name
from modelwright.runs.durable import replace, resources, sweep
from modelwright.runs.locks import lock

if TYPE_CHECKING:
    from modelwright.runs.store import Store

CHAMPION = "champion"
CHALLENGER = "challenger"
WAIT_S = 0.8  # changes take milliseconds, so a second writer waits for the first


class Unset(Enum):
    """`expect` was not given, which differs from expecting no version."""

    UNSET = "unset"


UNSET = Unset.UNSET


@dataclass(frozen=True)
class Change:
    """One entry of the history: aliases set to a version, or to None where removed, all at once."""

    at: str
    action: str  # tag, promote or rollback
    changes: Mapping[str, int | None]
    reason: str = ""


class Aliases:
    """`runs/<name>/aliases.json`. The history is the truth; what an alias is now follows from it."""

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.name = checked_name(name)
        self.path: Path = store.root / self.name / "aliases.json"

    def history(self) -> list[Change]:
        """The oldest first. ArtifactError when the file is damaged."""
        try:
            with resources(self.path):
                content = json.loads(self.path.read_bytes())
            found, written = digest(content["history"]), content["digest"]
            changes = [Change(**entry) for entry in content["history"]]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ArtifactError("is damaged: not a history", where=str(self.path), hint=_HINT) from error
        if found != written:
            raise ArtifactError(
                f"is damaged: its sha256 is {found}, it says {written}", where=str(self.path), hint=_HINT
            )
        return changes

    def current(self) -> dict[str, int]:
        """Alias to export version."""
        return _current(self.history())

    def before(self) -> int | None:
        """The version that a rollback would bring back."""
        return _before(self.history())

    def set(self, alias: str, version: int | None, *, expect: int | Unset | None = UNSET, reason: str = "") -> None:
        """Point `alias` to a version, or remove it. LockedError when it is no longer what `expect` says."""
        _checked_alias(alias)
        with self._changing() as history:
            self._expect(history, alias, expect)
            self._append(history, "tag", {alias: version}, reason)

    def promote(self, version: int | None = None, *, expect: int | Unset | None = UNSET, reason: str = "") -> int:
        """Make the challenger, or the version given, champion; a promoted challenger is one no longer."""
        with self._changing() as history:
            self._expect(history, CHAMPION, expect)
            now = _current(history)
            chosen = now.get(CHALLENGER) if version is None else version
            if chosen is None:
                raise ArtifactError(f"{self.name} has no challenger to promote", hint="name a version: v0003")
            changes: dict[str, int | None] = {CHAMPION: chosen}
            if now.get(CHALLENGER) == chosen:
                changes[CHALLENGER] = None
            self._append(history, "promote", changes, reason)
        return chosen

    def rollback(self, *, reason: str = "") -> int:
        """Make the version that was champion before champion again; once more goes one further back."""
        with self._changing() as history:
            version = _before(history)
            if version is None:
                raise ArtifactError(f"{self.name} had no champion before this one")
            self._append(history, "rollback", {CHAMPION: version}, reason)
        return version

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nothing changes an alias while this is held."""
        with lock(self.path.with_name(".aliases.lock"), what=f"the aliases of {self.name}", wait_s=WAIT_S):
            yield

    @contextmanager
    def _changing(self) -> Iterator[list[Change]]:
        with self.locked():
            sweep(self.path.parent)
            yield self.history()

    def _expect(self, history: list[Change], alias: str, expect: int | Unset | None) -> None:
        found = _current(history).get(alias)
        if expect is not UNSET and found != expect:
            raise LockedError(
                f"{alias} of {self.name} is {_version(found)} by now, not {_version(expect)}",
                hint="another process changed it; look again before you decide",
            )

    def _append(self, history: list[Change], action: str, changes: Mapping[str, int | None], reason: str) -> None:
        now = _current(history)
        for version in changes.values():
            if version is not None:
                self.store.open(self.name, "export", version).verify()
        if all(now.get(alias) == version for alias, version in changes.items()):
            return
        at = datetime.now(UTC).isoformat(timespec="seconds")
        entries = [asdict(change) for change in (*history, Change(at, action, dict(changes), reason))]
        with resources(self.path):
            replace(self.path, to_json({"history": entries, "digest": digest(entries)}))


def _current(history: list[Change]) -> dict[str, int]:
    found: dict[str, int] = {}
    for change in history:
        for alias, version in change.changes.items():
            if version is None:
                found.pop(alias, None)
            else:
                found[alias] = version
    return found


def _before(history: list[Change]) -> int | None:
    """A rollback takes the last champion off the pile; any other change puts one on it."""
    champions: list[int] = []
    now = _current(history).get(CHAMPION)
    for change in history:
        version = change.changes.get(CHAMPION)
        if change.action == "rollback" and champions[-1:] != [version]:
            champions = champions[:-1]
        elif version is not None and champions[-1:] != [version]:
            champions.append(version)
    if now is not None:
        champions = champions[:-1]
    return champions[-1] if champions else None


def _checked_alias(alias: str) -> None:
    checked_name(alias)
    if alias == "newest" or re.fullmatch(r"v?\d+", alias):
        raise SpecError(f"{alias!r} can't be an alias: it already means a version")


def _version(version: Any) -> str:
    return "unset" if version is None else f"v{version:04d}"


_HINT = "restore it from a copy; or remove it and set the aliases again with modelwright runs tag"
