"""What a run is made of. Equal keys promise equal outputs, so a run that matches is not made again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from modelwright.core.canonical import digest
from modelwright.core.names import checked_name
from modelwright.runs.installed import code_digest, library_digest


@dataclass(frozen=True)
class Input:
    """One thing a run read: its role, what to call it (a file, or a run's label), and its digest."""

    role: str
    name: str
    digest: str


@dataclass(frozen=True)
class Identity:
    """A stage, the part of the spec that it depends on, and what it reads."""

    name: str
    stage: str
    section: Mapping[str, Any]
    inputs: tuple[Input, ...]
    seed: int

    def __post_init__(self) -> None:
        checked_name(self.name)
        checked_name(self.stage)

    @cached_property
    def parts(self) -> dict[str, str]:
        """A digest for each thing that the key depends on; names of inputs are not among them."""
        return {
            "stage": digest(self.stage),
            "spec": digest(dict(self.section)),
            "inputs": digest([[entry.role, entry.digest] for entry in self.inputs]),
            "seed": digest(self.seed),
            "code": code_digest(),
            "libraries": library_digest(),
        }

    @cached_property
    def key(self) -> str:
        return digest(self.parts)

    def changed_since(self, parts: Mapping[str, str]) -> tuple[str, ...]:
        """Which of spec, inputs, seed, code and libraries differ from a manifest's `parts`."""
        return tuple(part for part, value in self.parts.items() if parts.get(part) != value)
