"""The contract of each kind of part.

A part is a frozen pydantic model: its fields are the YAML keys, its docstring is the documentation, its methods are
the behaviour. What is fitted is returned, never stored in the part. Traits are `ClassVar`s, so that they can't be YAML
keys. Heavy libraries are imported inside the methods: naming a part in a spec must stay cheap.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field

from modelwright.core.columns import Column, Schema

if TYPE_CHECKING:
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray

    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.evidence import Evidence, Verdict
    from modelwright.parts.space import Choices, Range
    from modelwright.tables.engine import Engine
    from modelwright.tables.history import Past
    from modelwright.tables.profiles import ColumnCounts
    from modelwright.tables.reading import Reading

    Floats = NDArray[np.float64]

State = dict[str, Any]  # what a feature step learnt: numbers, strings, lists and numpy arrays only


class Part(BaseModel, ABC):
    """Anything a spec names by `kind:`."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    kind: str

    example: ClassVar[Mapping[str, Any]] = {}  # the required keys, as the contract tests and the docs write them


class Task(Part):
    """What is predicted. Defines outputs and defaults that other parts lean on."""

    target: str
    metric: str | None = None

    classification: ClassVar[bool]
    default_metrics: ClassVar[tuple[str, ...]]  # the first chooses among candidates and drives tune
    default_split: ClassVar[Mapping[str, Any]]

    @abstractmethod
    def check_target(self, schema: Schema) -> None:
        """DataError when the target of learn can't be predicted: one class, too many classes, constant."""

    @abstractmethod
    def encode(self, values: Any, schema: Schema) -> Floats:
        """Target column (Arrow array) to [N] float64: class codes in `schema.classes` order, or the numbers."""

    @abstractmethod
    def compile(self, graph: GraphBuilder, scores: str, schema: Schema) -> None:
        """Declare the graph's outputs from a model's scores: probabilities [N, K] or values [N]."""


class Reader(Part):
    """A source of rows."""

    @abstractmethod
    def inputs(self, base: Path) -> list[Path]:
        """The files that would be read, sorted; empty where data is not in files. DataError when none match."""

    @abstractmethod
    def header(self, base: Path) -> list[str] | None:
        """Column names, without heavy imports; None when only reading tells."""

    def fingerprint(self, base: Path) -> Mapping[str, str] | None:
        """What stands for data that is not in `inputs`, by name (an object's entity tag, a declared version).

        None where nothing can stand for it (a database may have changed): such data is read each time.
        """
        return {}

    def estimated_rows(self, base: Path) -> int | None:
        """About how many rows there are, from a look at the first bytes; None where that says nothing."""
        return None

    @abstractmethod
    def read(self, engine: Engine, base: Path) -> Reading:
        """Fill the engine's tables `raw` and `rejects` (see `tables.reading`) with the rows in a fixed order."""


class Cleaner(Part):
    """Changes or removes rows before anything is fitted; runs in SQL, out of core."""

    row_wise: ClassVar[bool] = True  # False: looks at several rows (duplicates), so it has no meaning for one request
    after_split: ClassVar[bool] = False  # True: learns something from rows, so it sees and removes those of learn only

    def files(self, base: Path) -> list[Path]:
        """Files beside the source that it reads, which the run then depends on. SpecError when one is missing."""
        return []

    def at(self, base: Path) -> Self:
        """The same cleaner, its relative paths starting from `base`, the spec's folder."""
        return self

    def retyped(self, names: Sequence[str]) -> list[str]:
        """Columns that it may give another type, so that new rows come with the type that they had before."""
        return []

    @abstractmethod
    def apply(self, engine: Engine, table: str, columns: Sequence[Column]) -> list[Column]:
        """Rewrite `table` in place, keeping its order; return its columns. May add to `rejects`."""


class History(Part):
    """Columns made of each row's past; computed in SQL once rows are clean, and inputs from then on."""

    @abstractmethod
    def made(self) -> list[str]:
        """The names of the new columns."""

    @abstractmethod
    def past(self, columns: Sequence[Column]) -> Past:
        """What is wanted of the past. SpecError when the columns can't give it."""


class Check(Part):
    """A statement about the cleaned rows that holds or does not."""

    severity: Literal["warn", "error"] = Field(
        "error", description="error: what breaks it stops prepare; warn: it is only reported."
    )

    def sources(self) -> Sequence[Reader]:
        """Other sources that it reads, which the run then depends on."""
        return ()

    def at(self, base: Path) -> Self:
        """The same check, its relative paths starting from `base`, the spec's folder."""
        return self

    def holds_until(self, engine: Engine, table: str, columns: Sequence[Column]) -> datetime | None:
        """When time alone will break it, in UTC. The clock is asked each time, so it never enters a run's digest."""
        return None

    @abstractmethod
    def violations(self, engine: Engine, table: str, columns: Sequence[Column]) -> tuple[int, str]:
        """How many rows break it, and one line that says what was checked (with an example of what broke it)."""


class Split(Part):
    """Assigns every row to learn, validation or test."""

    by_file_name: ClassVar[bool] = False  # True: another name of a file may give another split

    @abstractmethod
    def assign(self, engine: Engine, table: str, columns: Sequence[Column], seed: int) -> None:
        """Add the column `__split__` ('learn', 'validation', 'test') to `table`."""


class Step(Part):
    """One feature step: fitted on learn, compiled into the graph."""

    supervised: ClassVar[bool] = False  # True: fitted with the target, so validation folds need their own fit
    cross_fitted: ClassVar[bool] = False  # True: its values tell of the target; learn's own come from other rows' fits

    @abstractmethod
    def selects(self) -> str | list[str]:
        """Which columns it works on, as `columns:` says it (see `parts.selectors`)."""

    def keeps(self) -> bool:
        """Whether its inputs stay beside what it makes."""
        return False

    @abstractmethod
    def fit(self, columns: FitColumns, target: Target | None) -> State:
        """Learn what `compile` needs from the columns that the step selects."""

    @abstractmethod
    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        """Add nodes; return the blocks of columns that replace (or, with `keep`, join) the inputs."""


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
class FitContext:
    """All a model may know beside the rows."""

    task: str
    n_classes: int  # 0 for regression
    features: tuple[Feature, ...]
    metric: str
    seed: int
    threads: int


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


class Model(Part):
    """An estimator."""

    tasks: ClassVar[frozenset[str]]
    needs: ClassVar[frozenset[str]] = frozenset()  # of finite, scaled, one_hot, float32; adapters are added to match
    search_space: ClassVar[Mapping[str, Any]] = {}  # tune's default, as a spec writes it (keys relative to the model)

    def candidates(self, task: str) -> Sequence[Model]:
        """The models to choose among; a portfolio names several, any other model only itself."""
        return (self,)

    @abstractmethod
    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        """Fit on learn; validation, where given, may only choose when to stop."""


class Metric(Part):
    """One number from truth and prediction, for many weightings of the rows at once (the bootstrap's resamples)."""

    needs: ClassVar[Literal["label", "probability", "value"]]
    direction: ClassVar[Literal["higher", "lower"]]
    tasks: ClassVar[frozenset[str]]

    def made_for(self, task: str) -> Metric:
        """The metric as a task means it, where that differs: f1 of one class, or of several."""
        return self

    @abstractmethod
    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        """[B] scores for `weights` [B, N]; truth [N]; predicted [N] labels or values, or [N, K] probabilities."""


class Gate(Part):
    """A condition for export, decided by evaluate."""

    @property
    def rival(self) -> str | None:
        """Alias of the model that it compares with, if it does."""
        return None

    @abstractmethod
    def decide(self, evidence: Evidence) -> Verdict:
        """Passed, failed or undecided, with the figures in one sentence."""


class Sampler(Part):
    """How tune picks the next trial."""

    def fixed(self, space: Mapping[str, Range | Choices]) -> list[dict[str, Any]] | None:
        """All trials in order, where they don't depend on scores; None where each is drawn."""
        return None

    @abstractmethod
    def build(self, space: Mapping[str, Range | Choices], seed: int) -> Any:
        """An Optuna sampler for the next trial."""


@dataclass(frozen=True)
class DriftResult:
    """How far current is from reference: `effect` in 0..1 and the probability of at least that by chance."""

    effect: float
    p_value: float


class DriftTest(Part):
    """Compares one column's counts with those of the saved profile."""

    types: ClassVar[frozenset[str]]  # column types it is made for

    @abstractmethod
    def compare(self, reference: ColumnCounts, current: ColumnCounts) -> DriftResult:
        """Both counted on the reference's bins or categories."""
