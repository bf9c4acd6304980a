"""Fits a list of feature steps and compiles them into one graph; prepare, train and every trial of tune call it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from modelwright.core.columns import NUMERIC, Column, Schema
from modelwright.core.errors import SpecError
from modelwright.core.seeds import child_seed
from modelwright.fitting.default_features import default_steps
from modelwright.fitting.frame import Frame, FrameColumn, MadeBlocks, MadeColumn
from modelwright.graph.blocks import Place, StepInputs, assembled, places
from modelwright.graph.builder import NUMBER, GraphBuilder, element_type
from modelwright.graph.running import Scorer
from modelwright.parts import catalog
from modelwright.parts.base import Feature, State, Step
from modelwright.parts.selectors import select

if TYPE_CHECKING:
    from modelwright.parts.base import Floats, Target

MOST_FEATURES = 20_000
FORBIDDEN = ("target", "id", "weight", "entity", "ignore")

Steps = Literal["auto"] | Sequence[Step]


@dataclass(frozen=True)
class FittedStep:
    step: Step
    columns: tuple[str, ...]  # those that it selected
    state: State


@dataclass(frozen=True)
class FittedFeatures:
    """`model` is features.onnx: the columns `inputs` -> `features` [N, F] float64."""

    model: bytes
    features: tuple[Feature, ...]
    inputs: tuple[str, ...]
    notes: tuple[str, ...]
    steps: Steps  # as the spec has them, to fit the same on other rows

    @cached_property
    def _scorer(self) -> Scorer:
        return Scorer(self.model)

    def transform(self, table: pa.Table) -> Floats:
        """[N, F] for a table that has the input columns."""
        matrix: Floats = self._scorer.run_table(table)["features"]
        return matrix

    def to_dict(self) -> dict[str, Any]:
        """`features.json`; the graph itself is kept beside it."""
        return {
            "features": [{"name": feature.name, "cardinality": feature.cardinality} for feature in self.features],
            "inputs": list(self.inputs),
            "notes": list(self.notes),
            "steps": self.steps
            if isinstance(self.steps, str)
            else [step.model_dump(mode="json") for step in self.steps],
        }

    @classmethod
    def from_dict(cls, model: bytes, content: Mapping[str, Any]) -> FittedFeatures:
        features = tuple(Feature(entry["name"], entry["cardinality"]) for entry in content["features"])
        return cls(model, features, tuple(content["inputs"]), tuple(content["notes"]), _steps(content["steps"]))


def _steps(entries: str | Sequence[Mapping[str, Any]]) -> Steps:
    if isinstance(entries, str):
        return "auto"
    steps = [catalog.load("features", entry["kind"]).model_validate(entry) for entry in entries]
    return [step for step in steps if isinstance(step, Step)]


def fit_features(steps: Steps, table: pa.Table, schema: Schema, target: Target | None, seed: int) -> FittedFeatures:
    """Fit each step on what those before it make of `table` (learn), and compile them all.

    `target` is for steps that use it; `seed` for those that draw. SpecError when a step can't work on its columns or a
    column is no number in the end; DataError when learn has nothing to fit on.
    """
    given, notes = default_steps(table, schema) if isinstance(steps, str) else (steps, [])
    by_name_only = frozenset(column.name for column in schema.of_role("time"))
    frame = Frame.of_table(table, schema)
    fitted: list[FittedStep] = []
    for number, step in enumerate(given):
        place = f"prepare.features.{number} ({step.kind})"
        fitted_step = _fit_step(step, frame, schema, by_name_only, target, child_seed(seed, str(number)), place)
        if fitted_step is None:
            continue
        fitted.append(fitted_step)
        frame = _applied(fitted_step, frame, place)
    _check_end(frame, by_name_only)
    model, features = _compile(fitted, schema.of_role("input", "time"))
    return FittedFeatures(model, features, tuple(Scorer(model).inputs), tuple(notes), steps)


def _fit_step(
    step: Step,
    frame: Frame,
    schema: Schema,
    by_name_only: frozenset[str],
    target: Target | None,
    seed: int,
    place: str,
) -> FittedStep | None:
    """None when the step selects nothing: `columns: numeric` where there is no number."""
    if step.supervised:
        raise SpecError(f"{step.kind} uses the target; such steps can't be cross-fitted yet", where=place)
    selector = step.selects()
    _check_roles(selector, frame, schema, place)
    try:
        chosen = select(selector, frame.types, by_name_only)
    except SpecError as error:
        raise SpecError(error.problems[0].message, where=place, hint=error.problems[0].hint) from error
    return FittedStep(step, chosen, step.fit(frame.take(chosen, seed), target)) if chosen else None


def _check_roles(selector: str | list[str], frame: Frame, schema: Schema, place: str) -> None:
    for word in [selector] if isinstance(selector, str) else selector:
        if word in schema and word not in frame.columns and schema[word].role in FORBIDDEN:
            raise SpecError(f'"{word}" is the {schema[word].role} column and can\'t be a feature', where=place)


def _applied(fitted: FittedStep, frame: Frame, place: str) -> Frame:
    """The columns after the step, whose values come from running its own small graph on learn."""
    graph = GraphBuilder()
    chosen = [frame.columns[name] for name in fitted.columns]
    # Numbers for names: a column may be called like a tensor, and steps may have made any name.
    sources = [
        Place(column.name, column.type, graph.input(str(at), column.type), cardinality=column.cardinality)
        for at, column in enumerate(chosen)
    ]
    blocks = fitted.step.compile(graph, StepInputs(graph, sources), fitted.state)
    for at, block in enumerate(blocks):
        shape: list[int | str] = ["N", len(block.names)] if block.type == "number" else ["N"]
        graph.output(f"block {at}", block.tensor, element_type(block.type), shape)
    made = MadeBlocks(graph.build() if blocks else b"", tuple(chosen))
    after = dict(frame.columns) if fitted.step.keeps() else _without(frame.columns, fitted.columns)
    for at, block in enumerate(blocks):
        for column in places(block):
            name = _free(column.name, after, fitted.step, place)
            source = MadeColumn(made, f"block {at}", column.index)
            after[name] = FrameColumn(name, column.type, source, cardinality=column.cardinality)
    return Frame(after.values(), frame.rows)


def _without(columns: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: column for name, column in columns.items() if name not in names}


def _free(name: str, taken: Mapping[str, Any], step: Step, place: str) -> str:
    """The name for a column that a step made; with `keep: true` it must differ from the kept one."""
    if name not in taken:
        return name
    other = f"{name}_{step.kind}"
    if not step.keeps() or other in taken or step.kind == "expression":
        raise SpecError(f'{step.kind} would make a second column "{name}"', where=place)
    return other


def _check_end(frame: Frame, by_name_only: frozenset[str]) -> None:
    left = [f'"{name}" ({kind})' for name, kind in frame.types.items() if kind != "number" and name not in by_name_only]
    if left:
        raise SpecError(
            f"after the last feature step these are not numbers: {', '.join(left)}",
            where="prepare.features",
            hint="add {kind: one_hot} or {kind: ordinal} for categories, {kind: datetime_parts} for times, "
            "or {kind: drop} for what you do not want",
        )
    width = sum(kind == "number" for kind in frame.types.values())
    if not width:
        raise SpecError(
            "no column is left to learn from",
            where="prepare.features",
            hint="text columns and those without a value are left out; name a step that makes features of them",
        )
    if width > MOST_FEATURES:
        raise SpecError(f"{width} features; at most {MOST_FEATURES} are allowed", where="prepare.features")


def _compile(steps: Sequence[FittedStep], columns: Sequence[Column]) -> tuple[bytes, tuple[Feature, ...]]:
    """All steps in one graph, and the columns of its `features`."""
    graph = GraphBuilder()
    now = {
        column.name: Place(
            column.name,
            "number" if column.type in NUMERIC else column.type,
            graph.input(column.name, column.type),
        )
        for column in columns
    }
    for fitted in steps:
        blocks = fitted.step.compile(graph, StepInputs(graph, [now[name] for name in fitted.columns]), fitted.state)
        if not fitted.step.keeps():
            now = _without(now, fitted.columns)
        for block in blocks:
            for place in places(block):
                name = _free(place.name, now, fitted.step, "")
                now[name] = Place(name, place.type, place.tensor, place.index, place.width, place.cardinality)
    final = [place for place in now.values() if place.type == "number"]
    graph.output("features", assembled(graph, final), NUMBER, ["N", len(final)])
    return graph.build(), tuple(Feature(place.name, place.cardinality) for place in final)
