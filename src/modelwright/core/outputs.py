"""What a model answers: the names and types that graph, server, files and logs share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Output:
    """One output of the graph: [N], or [N, K] where `labels` name its K columns.

    `labels` are the keys of a JSON answer, and make the names of columns in files and logs: `probability_yes`.
    """

    name: str
    type: str  # number, integer, boolean or text
    labels: tuple[str, ...] | None = None

    @property
    def width(self) -> int | None:
        return None if self.labels is None else len(self.labels)

    @property
    def columns(self) -> tuple[str, ...]:
        """What it is called in files and logs, column by column."""
        return (self.name,) if self.labels is None else tuple(f"{self.name}_{label}" for label in self.labels)
