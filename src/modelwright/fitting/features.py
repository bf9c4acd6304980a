"""Fits a list of feature steps and compiles them into one graph; prepare, train and every trial of tune call it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from modelwright.core.columns import NUMERIC, Column, Schema
from modelwright.core.errors import DataError, SpecError
from modelwright.core.seeds import child_seed
from modelwright.fitting.cross_fitting import cross_folds
from modelwright.fitting.default_features import default_steps
from modelwright.fitting.frame import Frame
from modelwright.fitting.learn_rows import PIECE_ROWS, rows_of
from modelwright.fitting.made_columns import MadeColumns
from modelwright.fitting.steps import FittedStep, Stage, applied, fit_step, free_name, selections, without
from modelwright.graph import encoders
from modelwright.graph.blocks import Place, StepInputs, assembled, places
from modelwright.graph.builder import NUMBER, GraphBuilder
from modelwright.graph.running import Scorer
from modelwright.parts import catalog
from modelwright.parts.base import Step
from modelwright.parts.samples import Feature

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats, Target

MOST_FEATURES = 20_000

Steps = Literal["auto"] | Sequence[Step]


@dataclass(frozen=True)
class FittedFeatures:
    """`model` is features.onnx: the columns `inputs` -> `features` [N, F] float64."""

    model: bytes
    features: tuple[Feature, ...]
    inputs: tuple[str, ...]
    notes: tuple[str, ...]
    steps: Steps  # as the spec has them, to fit the same on other rows
    seed: int
    selections: tuple[Mapping[str, Any], ...] = ()  # step, kept and dropped with scores, of steps that select

    @cached_property
    def _scorer(self) -> Scorer:
        return Scorer(self.model)

    @property
    def supervised(self) -> bool:
        """Whether a step was fitted with the target, so that held-out rows must not have been among its own."""
        return any(step.supervised for step in self._listed)

    @property
    def cross_fitted(self) -> bool:
        """Whether a model must learn from `fit_learn_matrix`, not from `transform`, of the rows fitted on."""
        return any(step.cross_fitted for step in self._listed)

    @property
    def contains_rows(self) -> bool:
        """Whether a step put rows of learn into the graph."""
        return any(step.contains_rows for step in self._listed)

    @property
    def _listed(self) -> Sequence[Step]:
        return () if isinstance(self.steps, str) else self.steps

    def transform(self, table: pa.Table) -> Floats:
        """[N, F] for a table that has the input columns."""
        matrix: Floats = self._scorer.run_table(table)["features"]
        return matrix

    def transform_pieces(self, table: pa.Table, size: int) -> Iterator[Floats]:
        """[n, F] for `size` rows (fewer, if the graph is wide) after the other, as the graph itself made them."""
        encoded, size = encoders.feed(self._scorer.inputs, table), min(size, self._scorer.chunk)
        for start in range(0, len(table), size):
            rows = {name: values[start : start + size] for name, values in encoded.items()}
            yield self._scorer.run(self._scorer.feed(rows))["features"]

    def transform_batches(self, path: Path, size: int = PIECE_ROWS) -> Iterator[Floats]:
        """[n, F] for `size` rows of a Parquet file after the other."""
        for table in rows_of(path).tables(self.inputs, size):
            yield self.transform(table)

    def to_dict(self) -> dict[str, Any]:
        """`features.json`; the graph itself is kept beside it."""
        return {
            "features": [{"name": feature.name, "cardinality": feature.cardinality} for feature in self.features],
            "inputs": list(self.inputs),
            "notes": list(self.notes),
            "steps": self.steps
            if isinstance(self.steps, str)
            else [step.model_dump(mode="json") for step in self.steps],
            "seed": self.seed,
            "contains_rows": self.contains_rows,
            "selections": [dict(selection) for selection in self.selections],
        }

    @classmethod
    def from_dict(cls, model: bytes, content: Mapping[str, Any]) -> FittedFeatures:
        features = tuple(Feature(entry["name"], entry["cardinality"]) for entry in content["features"])
        inputs, notes = tuple(content["inputs"]), tuple(content["notes"])
        selections = tuple(content["selections"])
        return cls(model, features, inputs, notes, _steps(content["steps"]), content["seed"], selections)


def _steps(entries: str | Sequence[Mapping[str, Any]]) -> Steps:
    if isinstance(entries, str):
        return "auto"
    steps = [catalog.load("features", entry["kind"]).model_validate(entry) for entry in entries]
    return [step for step in steps if isinstance(step, Step)]


def fit_features(
    steps: Steps,
    learn: pa.Table | Path,
    schema: Schema,
    target: Target | None,
    seed: int,
    *,
    scratch: Path | None = None,
) -> FittedFeatures:
    """Fit each step on what those before it make of `learn`, and compile them all.

    Of a Parquet file, columns are read as they are wanted, and what steps make goes to files in `scratch` once it is
    much. `target` is for steps that use it; `seed` for those that draw. SpecError when a step can't work on its columns
    or a column is no number in the end; DataError when learn has nothing to fit on.
    """
    return _fit(steps, learn, schema, target, seed, scratch)[0]


def fit_learn_matrix(
    steps: Steps, learn: pa.Table, schema: Schema, target: Target | None, seed: int
) -> tuple[FittedFeatures, Floats]:
    """As `fit_features`, with the matrix [N, F] that a model learns from.

    In it the values of cross-fitted steps come from fits on other rows, for in its own row's value a model would find
    the target. It differs from `transform` of the same rows, which is what new rows get.
    """
    features, frame = _fit(steps, learn, schema, target, seed, None)
    return features, frame.take([feature.name for feature in features.features], 0).matrix()


def _fit(
    steps: Steps, learn: pa.Table | Path, schema: Schema, target: Target | None, seed: int, scratch: Path | None
) -> tuple[FittedFeatures, Frame]:
    source = rows_of(learn)
    if not source.rows:
        raise DataError(
            "learn has no rows", where="prepare.features", hint="see prepare.split: what is left to learn from?"
        )
    given, notes = default_steps(source, schema) if isinstance(steps, str) else (steps, [])
    folds = cross_folds(source, schema, seed) if any(step.cross_fitted for step in given) else None
    stage = Stage(schema, target, folds)
    frame = Frame.of_rows(source, schema, MadeColumns(source.rows, scratch))
    fitted: list[FittedStep] = []
    for number, step in enumerate(given):
        place = f"prepare.features.{number} ({step.kind})"
        fitted_step = fit_step(step, frame, stage, child_seed(seed, str(number)), place)
        if fitted_step is None:
            continue
        fitted.append(fitted_step)
        frame = applied(fitted_step, frame, folds, place)
    _check_end(frame, stage.by_name_only)
    model, features = _compile(fitted, schema.of_role("input", "time"))
    inputs, chosen = tuple(Scorer(model).inputs), selections(fitted)
    return FittedFeatures(model, features, inputs, tuple(notes), steps, seed, chosen), frame


def _check_end(frame: Frame, by_name_only: frozenset[str]) -> None:
    left = [f'"{name}" ({kind})' for name, kind in frame.types.items() if kind != "number" and name not in by_name_only]
    if left:
        raise SpecError(
            f"after the last feature step these are not numbers: {', '.join(left)}",
            where="prepare.features",
            hint="add {kind: one_hot} or {kind: ordinal} for categories, {kind: tfidf} for texts, "
            "{kind: datetime_parts} for times, or {kind: drop} for what you do not want",
        )
    width = sum(kind == "number" for kind in frame.types.values())
    if not width:
        raise SpecError(
            "no column is left to learn from",
            where="prepare.features",
            hint="text columns and those without a value are left out; name a step to make features of them",
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
            now = without(now, fitted.columns)
        for block in blocks:
            for place in places(block):
                name = free_name(place.name, now, fitted.step, "")
                now[name] = Place(name, place.type, place.tensor, place.index, place.width, place.cardinality)
    final = [place for place in now.values() if place.type == "number"]
    graph.output("features", assembled(graph, final), NUMBER, ["N", len(final)])
    return graph.build(), tuple(Feature(place.name, place.cardinality) for place in final)
