"""What steps that select columns share: a filled sample of learn to judge by, and passing on what was chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelwright.core.errors import SpecError
from modelwright.parts.numbers import drawn_rows, sampled_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.parts.samples import FitColumns, Floats, State, Target

MOST_CELLS = 20_000_000  # of a sample: 160 MB
FEWEST_ROWS = 20  # on fewer nothing can be told, so nothing is dropped


@dataclass(frozen=True)
class Sample:
    """Rows of learn: `features` [n, k] without missing values, and what is to be predicted."""

    features: Floats
    target: Floats
    n_classes: int

    @property
    def standardized(self) -> Floats:
        """Mean 0 and standard deviation 1, as linear models want it; a constant column becomes 0."""
        from sklearn.preprocessing import StandardScaler

        scaled: Floats = StandardScaler().fit_transform(self.features)
        return scaled

    @property
    def tells(self) -> bool:
        """Whether there is something to judge by: enough rows, and a target and some column that vary."""
        enough = len(self.target) >= FEWEST_ROWS
        return enough and bool((self.target != self.target[0]).any() and (self.features != self.features[0]).any())


def filled_rows(columns: FitColumns, rows: int) -> Floats:
    """All rows [n, k], or `rows` of them drawn by the step's seed; fewer where there are many columns.

    What is missing or infinite is the median of its column (0 where there is none).
    """
    import numpy as np

    if not columns.rows:
        return np.empty((0, len(columns.names)))
    values = sampled_rows(columns, _bounded(columns, rows))
    values[~np.isfinite(values)] = np.nan
    for column in values.T:  # views: filled in place
        absent = np.isnan(column)
        if absent.any():
            column[absent] = 0.0 if absent.all() else np.median(column[~absent])
    return values


def sample(columns: FitColumns, target: Target | None, rows: int, kind: str) -> Sample:
    """`filled_rows` with their targets; SpecError without a target."""
    if target is None:
        raise SpecError(f"{kind} needs a target to select by", where="prepare.features")
    chosen = drawn_rows(columns, _bounded(columns, rows))
    return Sample(filled_rows(columns, rows), target.values[chosen], target.n_classes)


def _bounded(columns: FitColumns, rows: int) -> int:
    return max(min(rows, MOST_CELLS // max(len(columns.names), 1)), 2 * FEWEST_ROWS)


def check_one_of(top: int | None, share: float | None) -> None:
    """ValueError when both say how many columns stay."""
    if top is not None and share is not None:
        raise ValueError("`top` and `share` both say how many columns stay; give one")


def wanted(width: int, top: int | None, share: float | None) -> int:
    """How many of so many columns stay: at least one."""
    return min(top, width) if top is not None else max(1, round((share or 0.0) * width))


def best(scores: Floats, count: int) -> NDArray[Any]:
    """Which columns have the greatest scores; of equal ones the earlier."""
    import numpy as np

    mask = np.zeros(len(scores), bool)
    mask[np.argsort(-scores, kind="stable")[:count]] = True
    return mask


def selection(names: Sequence[str], scores: Floats, mask: NDArray[Any]) -> State:
    """What is kept: the column of the best score where it would be none."""
    chosen = mask if mask.any() else best(scores, 1)
    kept = [name for name, stays in zip(names, chosen.tolist(), strict=True) if stays]
    return {"kept": kept, "columns": list(names), "scores": scores}


def everything(names: Sequence[str]) -> State:
    """All are kept: there is nothing to judge them by."""
    import numpy as np

    return selection(names, np.zeros(len(names)), np.ones(len(names), bool))


def passed_on(inputs: StepInputs, kept: Iterable[str]) -> list[Block]:
    """The kept columns as they are, in their order."""
    from modelwright.graph.blocks import Block

    names = list(kept)
    return [Block(inputs.matrix(names), names, cardinalities=[inputs.cardinality(name) for name in names])]


def trees(n_classes: int, seed: int, iterations: int = 100) -> Any:
    """A boosted forest as scikit-learn's tools take it; its importances are gains."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    return (LGBMClassifier if n_classes else LGBMRegressor)(
        n_estimators=iterations,
        importance_type="gain",
        random_state=seed,
        n_jobs=1,
        deterministic=True,
        force_col_wise=True,
        verbosity=-1,
    )
