"""The contract of each kind of part.

A part is a frozen pydantic model: its fields are the YAML keys, its docstring is the documentation, its methods are
the behaviour. What is fitted is returned, never stored in the part. Traits are `ClassVar`s, so that they can't be YAML
keys. Heavy libraries are imported inside the methods: naming a part in a spec must stay cheap.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field

from modelwright.core.columns import Column
from modelwright.parts.part import Part as Part
from modelwright.parts.task import Task as Task

if TYPE_CHECKING:
    from datetime import datetime

    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.evidence import Evidence, Verdict
    from modelwright.parts.folding import Fold, FoldRows
    from modelwright.parts.samples import FitColumns, FitContext, Fitted, Floats, Samples, State, Target
    from modelwright.parts.space import Choices, Range
    from modelwright.tables.engine import Engine
    from modelwright.tables.history import Past
    from modelwright.tables.profiles import ColumnCounts
    from modelwright.tables.reading import Reading


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

    def open(self, engine: Engine, base: Path) -> Reading:
        """The same for `type_rows`, which counts the rows: a source may leave that to it (see `Reading.account`)."""
        return self.read(engine, base)


class Cleaner(Part):
    """Changes or removes rows before anything is fitted; runs in SQL, out of core."""

    row_wise: ClassVar[bool] = True  # False: looks at several rows (duplicates), so it has no meaning for one request
    after_split: ClassVar[bool] = False  # True: learns something from rows, so it sees and removes those of learn only
    adds_columns: ClassVar[bool] = False  # True: which columns there are afterwards is known only then

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

    def spent(self) -> tuple[str, ...]:
        """Columns that only say the split: new rows need not have them, and they are no inputs."""
        return ()

    @abstractmethod
    def assign(self, engine: Engine, table: str, columns: Sequence[Column], seed: int) -> None:
        """Add the column `__split__` ('learn', 'validation', 'test') to `table`. May take rows out (a gap in time)."""


class Step(Part):
    """One feature step: fitted on learn, compiled into the graph."""

    supervised: ClassVar[bool] = False  # True: fitted with the target, so validation folds need their own fit
    cross_fitted: ClassVar[bool] = False  # True: its values tell of the target; learn's own come from other rows' fits
    contains_rows: ClassVar[bool] = False  # True: rows of learn are in the graph, readable by whoever has it

    @abstractmethod
    def selects(self) -> str | list[str]:
        """Which columns it works on, as `columns:` says it (see `parts.selectors`)."""

    def keeps(self) -> bool:
        """Whether its inputs stay beside what it makes."""
        return False

    def fills(self) -> str | list[str] | None:
        """Those of its columns (as `selects`) that may always be missing, as it fills them; None: it fills nothing."""
        return None

    @abstractmethod
    def fit(self, columns: FitColumns, target: Target | None) -> State:
        """Learn what `compile` needs from the columns that the step selects."""

    @abstractmethod
    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        """Add nodes; return the blocks of columns that replace (or, with `keep`, join) the inputs."""


class Model(Part):
    """An estimator."""

    tasks: ClassVar[frozenset[str]]
    needs: ClassVar[frozenset[str]] = frozenset()  # of finite, scaled, one_hot, float32; adapters are added to match
    contains_rows: ClassVar[bool] = False  # True: rows of learn are in the graph, readable by whoever has it
    search_space: ClassVar[Mapping[str, Any]] = {}  # tune's default, as a spec writes it (keys relative to the model)
    folds_in_threads: ClassVar[bool] = False  # True: fits run beside each other, as they change nothing that is shared
    seeded: ClassVar[bool] = False  # True: another seed gives another model, about as good
    continues: ClassVar[bool] = False  # True: it can go on from the native weights of an earlier fit
    counts: ClassVar[bool] = False  # True: continued, it takes only rows that the earlier fit has not counted

    @classmethod
    def can(cls, task: str) -> bool:
        """Whether it is made for a kind of task; of quantiles it needs a key that says which one to fit."""
        of_quantiles = "regression" in cls.tasks and "quantile" in cls.model_fields
        return task in cls.tasks or (task == "quantile" and of_quantiles)

    def files(self, base: Path) -> list[Path]:
        """Files that it reads, which the run then depends on. SpecError when one is missing."""
        return []

    def at(self, base: Path) -> Self:
        """The same model, its relative paths starting from `base`, the spec's folder."""
        return self

    def candidates(self, task: str) -> Sequence[Model]:
        """The models to choose among; a portfolio names several, any other model only itself."""
        return (self,)

    @abstractmethod
    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        """Fit on learn; validation, where given, may only choose when to stop."""


class Validation(Part):
    """How scores on rows that the scored models were not fitted on are found out."""

    strict: bool = Field(
        False, description="Fit the feature steps inside each fold again; done in any case if one uses the target."
    )

    scored: ClassVar[str] = "out of fold, learn and validation"  # which rows the scores are of
    at_random: ClassVar[bool] = False  # True: folds know no order in time, so later rows help to predict earlier ones

    @abstractmethod
    def divide(self, rows: FoldRows, seed: int) -> list[Fold] | None:
        """The folds, the same for each candidate and trial; None: learn is fitted on, validation is looked at.

        SpecError or DataError when the rows can't be divided so."""


class Metric(Part):
    """One number from truth and prediction, for many weightings of the rows at once (the bootstrap's resamples)."""

    needs: ClassVar[Literal["label", "probability", "value", "ranking", "quantile"]]
    direction: ClassVar[Literal["higher", "lower"]]
    tasks: ClassVar[frozenset[str]]
    whole: ClassVar[bool] = False  # of several targets, True: takes all at once; False: the mean over each alone

    def made_for(self, task: str) -> Metric:
        """The metric as a task means it, where that differs: f1 of one class, or of several."""
        return self

    def of_rows(self, truth: Floats, predicted: Floats) -> Floats | None:
        """[N] values whose weighted mean is the score, where it takes long to find them; NaN of rows that don't count.

        They are asked for once, and not for each of the bootstrap's resamples."""
        return None

    def asked_of(self, task: Task) -> Metric:
        """The metric for exactly this task, where it must know more than its kind: which quantiles, say."""
        return self

    @abstractmethod
    def score(self, truth: Floats, predicted: Floats, weights: Floats) -> Floats:
        """[B] scores for `weights` [B, N]; truth [N]; predicted [N] labels or values, or [N, K] probabilities.

        Of several targets at once both are [N, T]. Where nothing is predicted, truth is the features [N, F]."""


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
