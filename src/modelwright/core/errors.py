"""Every error a user can cause. Anything else that escapes is a bug.

ModelwrightError            exit 1
├── SpecError               exit 2   the spec or the command line says what we cannot accept
├── DataError               exit 3   the data is not what the spec promised
├── ArtifactError           exit 4   a run or bundle is missing, stale or damaged
├── ResourceError           exit 5   disk, memory, port, permission or an extra package is missing
└── LockedError             exit 6   another process is doing the same work

Not errors, but exit codes of a finished stage: GATE_FAILED (10) and ALERT_RAISED (11).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

GATE_FAILED = 10
ALERT_RAISED = 11


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where (`file:line:column`, may be empty), what, and how to fix it."""

    message: str
    where: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return place + self.message + (f"\n  hint: {self.hint}" if self.hint else "")


class ModelwrightError(Exception):
    """Says what is wrong, where, and what to do next; may hold several problems found at once."""

    exit_code = 1

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        self.problems: tuple[Problem, ...] = (Problem(message, where, hint),)
        super().__init__(message)

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> ModelwrightError:
        """One error that reports every problem."""
        found = tuple(problems)
        error = cls(found[0].message)
        error.problems = found
        return error

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class SpecError(ModelwrightError):
    exit_code = 2


class DataError(ModelwrightError):
    exit_code = 3


class ArtifactError(ModelwrightError):
    exit_code = 4


class ResourceError(ModelwrightError):
    exit_code = 5


class LockedError(ModelwrightError):
    exit_code = 6


def error_of(exit_code: int, problems: Iterable[tuple[str, str, str]]) -> ModelwrightError:
    """What another process reported (message, where and hint of each problem), as if it had been raised here."""
    kinds = {kind.exit_code: kind for kind in (SpecError, DataError, ArtifactError, ResourceError, LockedError)}
    return kinds.get(exit_code, ModelwrightError).of(Problem(*problem) for problem in problems)
