"""What every feature step must do, whatever it computes: a new step is tested from the day it is added."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.columns import Column, Schema
from modelwright.core.errors import ModelwrightError, SpecError
from modelwright.core.expressions import names as names_in
from modelwright.core.expressions import parse
from modelwright.fitting.features import FittedFeatures, fit_features
from modelwright.parts import catalog
from modelwright.parts.base import Step
from modelwright.parts.samples import Target
from modelwright.parts.selectors import KINDS

KINDS_OF_STEP = catalog.builtin_kinds("features")
TYPES = ("number", "category", "timestamp", "text")
ARROW = {"number": pa.float64(), "category": pa.string(), "text": pa.string(), "timestamp": pa.timestamp("us", "UTC")}
START = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = ["red", "green", "blue", "Ünïcode", "it's", "a b", "0", "NaN"]
STANDARD = {"n1": "number", "n2": "number", "c1": "category", "c2": "category", "t1": "text", "s1": "timestamp"}
every_step = pytest.mark.parametrize("kind", KINDS_OF_STEP)


def values(kind: str, rows: int, seed: str, missing: float) -> list[Any]:
    draw = random.Random(seed)
    made: dict[str, Any] = {
        "number": lambda: round(abs(draw.gauss(3, 2)), 3) + 0.5,  # positive: some steps are for such numbers only
        "category": lambda: draw.choice(WORDS),
        "text": lambda: " ".join(draw.choices(WORDS, k=draw.randint(1, 6))),
        "timestamp": lambda: START + timedelta(seconds=draw.randint(0, 10**8)),
    }
    return [None if draw.random() < missing else made[kind]() for _ in range(rows)]


def table(columns: dict[str, str], rows: int, seed: str = "", missing: float = 0.0) -> pa.Table:
    return pa.table(
        {name: pa.array(values(kind, rows, name + seed, missing), ARROW[kind]) for name, kind in columns.items()}
    )


def schema(columns: dict[str, str]) -> Schema:
    return Schema(tuple(Column(name, kind, nullable=True) for name, kind in columns.items()))  # type: ignore[arg-type]


def mentioned(content: Any) -> Iterator[str]:
    """Names of columns in a part's example: any string there may be one."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key == "value" and isinstance(value, str):
                yield from names_in(parse(value))
            elif key not in ("name", "kind"):
                yield from mentioned(value)
    elif isinstance(content, list | tuple):
        for value in content:
            yield from mentioned(value)
    elif isinstance(content, str) and content.isidentifier() and content not in KINDS:
        yield content


def target(rows: int, kind: str) -> Target:
    draw = np.random.default_rng(0)
    return Target(draw.normal(size=rows), 0) if kind == "numbers" else Target(draw.integers(0, 2, rows) * 1.0, 2)


def after(step: Step, columns: dict[str, str]) -> list[Step]:
    """The step, and what makes numbers of all that it leaves."""
    made: list[Any] = [step]
    for kind, cleanup in (("text", "drop"), ("timestamp", "datetime_parts"), ("categorical", "ordinal")):
        made.append(catalog.load("features", cleanup).model_validate({"kind": cleanup, "columns": kind}))
    return made


class Case:
    """A step as its example has it, on columns of types that it can work on."""

    def __init__(self, kind: str) -> None:
        part: Any = catalog.load("features", kind)
        self.step: Step = part.model_validate({"kind": kind, **part.example})
        extra = sorted(set(mentioned(part.example)) - set(STANDARD))
        problems = []
        for types in itertools.islice(itertools.product(TYPES, repeat=len(extra)), 300):
            self.columns = {**STANDARD, **dict(zip(extra, types, strict=True))}
            try:
                self.fit(table(self.columns, 90))
            except SpecError as error:
                problems.append(str(error))
            else:
                return
        pytest.fail(f"the example of {kind} fits no columns: {problems[:3]}")

    def fit(self, learn: pa.Table, goal: str = "numbers") -> FittedFeatures:
        steps = after(self.step, self.columns)
        return fit_features(steps, learn, schema(self.columns), target(learn.num_rows, goal), 1)


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    return {}


@pytest.fixture
def case(kind: str, cases: dict[str, Case]) -> Case:
    if kind not in cases:
        cases[kind] = Case(kind)
    return cases[kind]


def learn_of(case: Case, missing: float) -> pa.Table:
    """With missing values where the step can take them: some say that a column has to be filled first."""
    learn = table(case.columns, 200, "learn", missing)
    try:
        case.fit(learn)
    except ModelwrightError as error:
        assert error.problems[0].hint, f"it says no to missing values, and what to do: {error}"
        return table(case.columns, 200, "learn")
    return learn


@every_step
@pytest.mark.parametrize("goal", ["numbers", "classes"])
def test_the_same_bits_at_every_batch_size(case: Case, goal: str):
    fitted = case.fit(learn_of(case, 0.15), goal)
    rows = table(case.columns, 150, "other", 0.1)
    whole = fitted.transform(rows)
    assert whole.dtype == np.float64 and whole.shape == (150, len(fitted.features))
    assert len({feature.name for feature in fitted.features}) == len(fitted.features)
    for size in (1, 7, 64):
        pieces = [fitted.transform(rows.slice(start, size)) for start in range(0, 150, size)]
        assert np.concatenate(pieces).tobytes() == whole.tobytes(), f"batches of {size}"


@every_step
def test_fitting_twice_gives_the_same_graph(case: Case):
    learn = learn_of(case, 0.15)
    assert case.fit(learn).model == case.fit(learn).model


@every_step
def test_rows_it_never_saw(case: Case):
    """Nothing at all, one row, all missing, unknown words, empty words, far numbers: an answer, no infinity."""
    fitted = case.fit(learn_of(case, 0.15))
    assert fitted.transform(table(case.columns, 0)).shape == (0, len(fitted.features))
    assert fitted.transform(table(case.columns, 1)).shape == (1, len(fitted.features))
    missing = fitted.transform(table(case.columns, 3, missing=1.0))
    assert missing.shape[0] == 3 and not np.isinf(missing).any()
    odd = {"number": [-1e12, 0.0, 1e12], "category": ["", "never seen", "\U0001f600"]}
    odd |= {"text": ["", "never seen " * 50, "\u0301\U0001f600\n"], "timestamp": [START - timedelta(days=200_000)] * 3}
    far = fitted.transform(pa.table({name: pa.array(odd[kind], ARROW[kind]) for name, kind in case.columns.items()}))
    assert far.shape[0] == 3 and not np.isinf(far).any()


@every_step
@pytest.mark.parametrize("learn", ["one row", "one value", "missing", "no rows"])
def test_a_poor_learn_is_fitted_or_refused_with_a_reason(case: Case, learn: str):
    one = table(case.columns, 1)
    poor = {
        "one row": one,
        "one value": pa.concat_tables([one] * 30),
        "missing": table(case.columns, 30, missing=1.0),
        "no rows": one.slice(0, 0),
    }[learn]
    try:
        fitted = case.fit(poor)
    except ModelwrightError as error:
        assert case.step.kind in str(error) or "column" in str(error) or "row" in str(error)
        return
    found = fitted.transform(table(case.columns, 7, "other"))
    assert found.shape == (7, len(fitted.features)) and not np.isinf(found).any()
