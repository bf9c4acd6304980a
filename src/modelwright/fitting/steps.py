"""Fits one feature step on the columns that those before it made, and says what columns there are after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelwright.core.columns import Schema
from modelwright.core.errors import DataError, Problem, SpecError
from modelwright.fitting.frame import Frame, FrameColumn, MadeBlocks
from modelwright.graph.blocks import Block, Place, StepInputs, places
from modelwright.graph.builder import GraphBuilder, element_type
from modelwright.parts.base import Step
from modelwright.parts.samples import State, Target
from modelwright.parts.selectors import select

FORBIDDEN = ("target", "id", "weight", "entity", "ignore")

Folds = NDArray[np.int8]  # [N] numbers from 0; see `cross_fitting`


@dataclass(frozen=True)
class FittedStep:
    """`state` was learnt on all rows, `others[k]` on those outside fold k, where the step is cross-fitted."""

    step: Step
    columns: tuple[str, ...]  # those that it selected
    state: State
    others: tuple[State, ...] = ()


@dataclass(frozen=True)
class Stage:
    """What is the same for all steps of one fit; `folds` where some step is cross-fitted."""

    schema: Schema
    target: Target | None
    folds: Folds | None

    @property
    def by_name_only(self) -> frozenset[str]:
        return frozenset(column.name for column in self.schema.of_role("time"))


def fit_step(step: Step, frame: Frame, stage: Stage, seed: int, place: str) -> FittedStep | None:
    """None when the step selects nothing: `columns: numeric` where there is no number."""
    selector = step.selects()
    _check_roles(selector, frame, stage.schema, place)
    try:
        chosen = select(selector, frame.types, stage.by_name_only)
    except SpecError as error:
        raise SpecError(error.problems[0].message, where=place, hint=error.problems[0].hint) from error
    if not chosen:
        return None
    _check_name(step, stage.schema, place)
    if step.supervised and stage.target is None:
        there = "several" if len(stage.schema.of_role("target")) > 1 else "none"
        raise SpecError(f"{step.kind} learns from one target, and the task has {there}", where=place)
    try:
        state = step.fit(frame.take(chosen, seed), stage.target)
    except (SpecError, DataError) as error:
        raise type(error).of(_of_step(problem, step, place) for problem in error.problems) from error
    others = _outside_each_fold(step, chosen, frame, stage, seed, state) if step.cross_fitted else ()
    return FittedStep(step, chosen, state, others)


def _of_step(problem: Problem, step: Step, place: str) -> Problem:
    """The place says which step it is, so that the message need not."""
    return replace(problem, message=problem.message.removeprefix(f"{step.kind}: "), where=problem.where or place)


def _outside_each_fold(
    step: Step, chosen: Sequence[str], frame: Frame, stage: Stage, seed: int, state: State
) -> tuple[State, ...]:
    """The step as fitted on the rows outside each fold; a fold that is empty, or holds all rows, has the full fit."""
    assert stage.folds is not None and stage.target is not None
    states = []
    for fold in range(int(stage.folds.max(initial=-1)) + 1):
        outside = stage.folds != fold
        if outside.all() or not outside.any():
            states.append(state)
            continue
        target = replace(stage.target, values=stage.target.values[outside])
        states.append(step.fit(frame.take(chosen, seed, outside), target))
    return tuple(states)


def _check_roles(selector: str | list[str], frame: Frame, schema: Schema, place: str) -> None:
    for word in [selector] if isinstance(selector, str) else selector:
        if word in schema and word not in frame.columns and schema[word].role in FORBIDDEN:
            raise SpecError(f'"{word}" is the {schema[word].role} column and can\'t be a feature', where=place)


def _check_name(step: Step, schema: Schema, place: str) -> None:
    name = getattr(step, "name", None)
    if isinstance(name, str) and name in schema and schema[name].role in FORBIDDEN:
        role = schema[name].role
        raise SpecError(f'"{name}" is the {role} column; a feature needs another name', where=place)


def applied(fitted: FittedStep, frame: Frame, folds: Folds | None, place: str) -> Frame:
    """The columns after the step, whose values on learn come from running its own small graphs."""
    chosen = [frame.columns[name] for name in fitted.columns]
    blocks, model = _own_graph(fitted.step, chosen, fitted.state)
    models = [model]
    if fitted.others:
        compiled = [_own_graph(fitted.step, chosen, state) for state in fitted.others]
        models = [own for _, own in compiled]
        if any([block.names for block in own] != [block.names for block in blocks] for own, _ in compiled):
            raise RuntimeError(f"{fitted.step.kind} made other columns in a fold, so it can't be cross-fitted")
    made = MadeBlocks(tuple(models), tuple(chosen), folds if fitted.others else None)
    after = dict(frame.columns) if fitted.step.keeps() else without(frame.columns, fitted.columns)
    for at, block in enumerate(blocks):
        for column in places(block):
            name = free_name(column.name, after, fitted.step, place)
            after[name] = FrameColumn(name, column.type, None, column.cardinality, made, f"block {at}", column.index)
    return frame.with_columns(after.values())


def _own_graph(step: Step, chosen: Sequence[FrameColumn], state: State) -> tuple[list[Block], bytes]:
    graph = GraphBuilder()
    # Numbers for names: a column may be called like a tensor, and steps may have made any name.
    sources = [
        Place(column.name, column.type, graph.input(str(at), column.type), cardinality=column.cardinality)
        for at, column in enumerate(chosen)
    ]
    blocks = step.compile(graph, StepInputs(graph, sources), state)
    for at, block in enumerate(blocks):
        shape: list[int | str] = ["N", len(block.names)] if block.type == "number" else ["N"]
        graph.output(f"block {at}", block.tensor, element_type(block.type), shape)
    return blocks, graph.build() if blocks else b""


def selections(fitted: Sequence[FittedStep]) -> tuple[dict[str, Any], ...]:
    """Which columns each selection step kept, and what the others scored; see `parts.selection` for their states."""
    return tuple(
        {
            "step": entry.step.kind,
            "kept": list(entry.state["kept"]),
            "dropped": {
                name: float(score)
                for name, score in zip(entry.state["columns"], entry.state["scores"], strict=True)
                if name not in set(entry.state["kept"])
            },
        }
        for entry in fitted
        if {"kept", "columns", "scores"} <= entry.state.keys()
    )


def without(columns: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: column for name, column in columns.items() if name not in names}


def free_name(name: str, taken: Mapping[str, Any], step: Step, place: str) -> str:
    """The name for a column that a step made; with `keep: true` it must differ from the kept one."""
    if name not in taken:
        return name
    other = f"{name}_{step.kind}"
    if not step.keeps() or other in taken or step.kind == "expression":
        raise SpecError(f'{step.kind} would make a second column "{name}"', where=place)
    return other
