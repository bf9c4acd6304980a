"""What steps and models are given to fit on, and what a fitted model is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from modelwright.core.progress import Progress, Silent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modelwright.graph.builder import GraphBuilder

    Floats = NDArray[np.float64]

State = dict[str, Any]  # what a feature step learnt: numbers, strings, lists and numpy arrays only


@dataclass(frozen=True)
class Target:
    """What is to be predicted, on learn: class codes 0..n_classes-1, or numbers where `n_classes` is 0."""

    values: Floats  # [N]
    n_classes: int


class FitColumns(Protocol):
    """The selected columns at this point of the pipeline, on learn rows only.

    There may be more rows than memory holds of all columns at once: take one column (`values`) or some rows (`pieces`)
    at a time, and `matrix` only of what is small.
    """

    names: tuple[str, ...]
    rows: int
    seed: int  # for a step that draws; differs from step to step

    def type(self, name: str) -> str:
        """number, category, text or timestamp."""

    def matrix(self) -> Floats:
        """All numeric columns as [N, k] float64, NaN for missing."""

    def pieces(self) -> Iterator[Floats]:
        """The rows of `matrix` in order, some thousands at a time: [n, k]."""

    def values(self, name: str) -> NDArray[Any]:
        """One column: float64, int64 microseconds, or objects of str ('' for missing)."""

    def counts(self, name: str) -> list[tuple[str, int]]:
        """Category counts without missing, most frequent first, ties by name."""

    def timezone(self, name: str) -> str | None:
        """The zone that a timestamp column was declared with."""


@dataclass(frozen=True)
class Feature:
    """One column of the feature matrix; `cardinality` marks codes 0..cardinality-1 of a category."""

    name: str
    cardinality: int | None = None


@dataclass(frozen=True)
class Samples:
    """Rows for a model: features [N, F], target [N] (class codes or values), weights [N] or None."""

    features: Floats
    target: Floats
    weights: Floats | None = None


@dataclass(frozen=True)
class Start:
    """An earlier model of the same kind to continue from: its native files, checked, and its notes."""

    label: str
    files: Mapping[str, bytes]
    notes: Mapping[str, Any]


@dataclass(frozen=True)
class FitContext:
    """All a model may know beside the rows."""

    task: str
    n_classes: int  # 0 for regression
    features: tuple[Feature, ...]
    metric: str
    seed: int
    threads: int
    quantiles: tuple[float, ...] = ()  # of task quantile
    start: Start | None = None  # what a model that `continues` goes on from
    progress: Progress = field(default_factory=Silent)  # for models that take long
    checkpoints: Path | None = None  # a folder for what such a model goes on from when it was killed


class Fitted(Protocol):
    """A fitted model. `compile` and `predict` say the same, as `parity.json` shows."""

    @property
    def notes(self) -> Mapping[str, Any]:
        """What was chosen while fitting: `iterations`, say. Where validation rows chose them, `stopping_metric` and
        `greater_is_better` say by what: those rows then count as fitted on."""

    @property
    def curve(self) -> Sequence[Mapping[str, float]]:
        """One entry per iteration recorded; may be empty."""

    @property
    def importance(self) -> Mapping[str, float] | None:
        """By feature name, summing to 1, where the model has one."""

    def predict(self, features: Floats) -> Floats:
        """Natively: probabilities [N, K], or values [N]."""

    def compile(self, graph: GraphBuilder, features: str) -> str:
        """Add nodes; return the tensor of probabilities [N, K] or values [N], float64."""

    def save_native(self, folder: Path) -> None:
        """Text or safetensors from which training can continue; nothing where it can't."""
