"""Gives a model features in the form it needs, as nodes in front of it in its own part of the graph.

finite: no missing values; one_hot: a 0/1 column for each code of a category; scaled: mean 0, deviation 1; float32:
rounded to what float32 can hold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from modelwright.core.errors import ArtifactError
from modelwright.graph.builder import NUMBER, GraphBuilder
from modelwright.graph.running import Scorer
from modelwright.parts.samples import Feature, Fitted, Start

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats

MOST_CODES = 200  # columns for one category; rarer codes are all zeros
UNKNOWN_CODE = -1.0  # what a missing code becomes where nothing may be missing and codes stay codes
GRAPH, NAMES = "adapter.onnx", "adapter.json"  # beside the weights that they go with
FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Adapter:
    """A graph from the raw `features` [N, F] to `adapted` [N, G]; `origins` names the raw feature of each column."""

    model: bytes
    features: tuple[Feature, ...]
    origins: tuple[str, ...]

    @cached_property
    def _scorer(self) -> Scorer:
        return Scorer(self.model)

    def apply(self, features: Floats) -> Floats:
        adapted: Floats = self._scorer.run_columns(
            lambda start, size: {"raw": features[start : start + size]}, len(features)
        )["adapted"]
        return adapted

    def compile(self, graph: GraphBuilder, features: str) -> str:
        return graph.inline(self.model, {"raw": features})["adapted"]

    def save(self, folder: Path) -> None:
        (folder / GRAPH).write_bytes(self.model)
        told = {"features": [[one.name, one.cardinality] for one in self.features], "origins": list(self.origins)}
        (folder / NAMES).write_text(json.dumps(told), encoding="utf-8")

    @classmethod
    def of(cls, start: Start) -> Adapter:
        """That of the model that is continued: its weights know the columns as this one makes them."""
        if GRAPH not in start.files:
            raise ArtifactError(f"{start.label} left no adapter to continue with", where="train.warm_start")
        told = json.loads(start.files[NAMES])
        return cls(start.files[GRAPH], tuple(Feature(*one) for one in told["features"]), tuple(told["origins"]))


@dataclass(frozen=True)
class Adapted:
    """A fitted model behind its adapter: takes and speaks of the raw features."""

    inner: Fitted
    adapter: Adapter

    @property
    def notes(self) -> Mapping[str, Any]:
        return self.inner.notes

    @property
    def curve(self) -> Sequence[Mapping[str, float]]:
        return self.inner.curve

    @property
    def importance(self) -> Mapping[str, float] | None:
        if self.inner.importance is None:
            return None
        shares: dict[str, float] = {}
        for feature, origin in zip(self.adapter.features, self.adapter.origins, strict=True):
            shares[origin] = shares.get(origin, 0.0) + self.inner.importance[feature.name]
        return shares

    def predict(self, features: Floats) -> Floats:
        return self.inner.predict(self.adapter.apply(features))

    def compile(self, graph: GraphBuilder, features: str) -> str:
        return self.inner.compile(graph, self.adapter.compile(graph, features))

    def save_native(self, folder: Path) -> None:
        self.inner.save_native(folder)
        if folder.is_dir():  # else there is nothing to continue from
            self.adapter.save(folder)


def fit_adapter(needs: frozenset[str], features: Sequence[Feature], matrix: Floats) -> Adapter | None:
    """Fitted on learn's feature matrix; None when the model needs nothing."""
    if not needs:
        return None
    expand = "one_hot" in needs
    codes = [at for at, feature in enumerate(features) if expand and feature.cardinality is not None]
    numbers = [at for at in range(len(features)) if at not in set(codes)]
    graph = GraphBuilder()
    raw = graph.matrix_input("raw", len(features))
    blocks: list[Block] = []
    if numbers:
        blocks += _numbers(graph, raw, needs, features, matrix, numbers)
    if codes:
        blocks += _codes(graph, raw, features, matrix, codes)
    adapted = graph.op("Concat", *(block.tensor for block in blocks), axis=1)
    if "float32" in needs:
        bounded = graph.op("Clip", adapted, np.float64(-FLOAT32_MAX), np.float64(FLOAT32_MAX))
        adapted = graph.cast(graph.cast(bounded, TensorProto.FLOAT), NUMBER)
    columns = [column for block in blocks for column in block.columns]
    graph.output("adapted", adapted, NUMBER, ["N", len(columns)])
    return Adapter(graph.build(), tuple(feature for feature, _ in columns), tuple(origin for _, origin in columns))


@dataclass(frozen=True)
class Block:
    """A tensor [N, k] and, for each column, its name and the raw feature that it comes from."""

    tensor: str
    columns: Sequence[tuple[Feature, str]]


def _numbers(
    graph: GraphBuilder,
    raw: str,
    needs: frozenset[str],
    features: Sequence[Feature],
    matrix: Floats,
    numbers: Sequence[int],
) -> list[Block]:
    """Numbers (and codes that stay codes): filled, scaled, with a flag where learn had missing values."""
    values = matrix[:, numbers]
    kept = [features[at] for at in numbers]
    whole = len(numbers) == len(features)
    tensor = chosen = raw if whole else graph.op("Gather", raw, np.array(numbers), axis=1)
    absent = np.isnan(values)
    flagged: list[int] = []
    if "finite" in needs:
        fill = np.array([_fill(feature, values[:, at], absent[:, at]) for at, feature in enumerate(kept)])
        values = np.where(absent, fill, values)
        tensor = graph.op("Where", graph.op("IsNaN", chosen), fill, chosen)
        flagged = np.flatnonzero(absent.any(axis=0)).tolist()
    if "scaled" in needs:
        tensor = _scaled(graph, tensor, values)
    blocks = [Block(tensor, [(feature, feature.name) for feature in kept])]
    if flagged:
        flags = _missing_flags(graph, chosen, flagged)
        blocks.append(Block(flags, [(Feature(f"{kept[at].name}_missing"), kept[at].name) for at in flagged]))
    return blocks


def _fill(feature: Feature, values: Floats, absent: NDArray[np.bool_]) -> float:
    if feature.cardinality is not None:
        return UNKNOWN_CODE
    return 0.0 if absent.all() else float(np.median(values[~absent]))


def _scaled(graph: GraphBuilder, tensor: str, values: Floats) -> str:
    known = ~np.isnan(values)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / count)
    constant = spread <= 1e-12 * np.abs(mean)  # up to rounding
    return graph.op("Div", graph.op("Sub", tensor, mean), np.where(constant, 1.0, spread))


def _missing_flags(graph: GraphBuilder, matrix: str, columns: Sequence[int]) -> str:
    return graph.cast(graph.op("IsNaN", graph.op("Gather", matrix, np.array(columns), axis=1)), NUMBER)


def _codes(
    graph: GraphBuilder, raw: str, features: Sequence[Feature], matrix: Floats, codes: Sequence[int]
) -> list[Block]:
    """A 0/1 column for each frequent code, and one for missing where learn had missing values."""
    blocks: list[Block] = []
    wanted: list[tuple[int, float]] = []
    missing: list[int] = []
    for at in codes:
        known = matrix[~np.isnan(matrix[:, at]), at]
        found, counts = np.unique(known, return_counts=True)
        frequent = sorted(found[np.argsort(-counts, kind="stable")][:MOST_CODES].tolist())
        wanted += [(at, code) for code in frequent]
        if len(known) < len(matrix):
            missing.append(at)
    if wanted:
        repeated = graph.op("Gather", raw, np.array([at for at, _ in wanted]), axis=1)
        flags = graph.cast(graph.op("Equal", repeated, np.array([[code for _, code in wanted]])), NUMBER)
        names = [(features[at].name, code) for at, code in wanted]
        blocks.append(Block(flags, [(Feature(f"{name}={code:g}"), name) for name, code in names]))
    if missing:
        flags = _missing_flags(graph, raw, missing)
        blocks.append(Block(flags, [(Feature(f"{features[at].name}=<missing>"), features[at].name) for at in missing]))
    return blocks
