"""Continues an earlier model with new rows: its weights, which the manifest vouches for, and its feature steps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from modelwright.core.columns import ROW_DIGEST, Schema
from modelwright.core.errors import ArtifactError, DataError, SpecError
from modelwright.stages import lineage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modelwright.fitting.prepared import Prepared
    from modelwright.fitting.training import Recipe, Trained
    from modelwright.runs.store import Run
    from modelwright.stages.job import Job

WHERE = "train.warm_start"
WEIGHTS = "weights/"


def continued(job: Job, start: Run, data: Prepared, recipe: Recipe) -> tuple[Prepared, Recipe]:
    """The rows as the earlier model's own feature steps show them, and the recipe that goes on from its weights.

    Its codes of categories and its scales are what its trees know; steps fitted anew would mean something else. Every
    file is read by its manifest hash. SpecError, DataError or ArtifactError where old and new don't fit together.
    """
    from modelwright.fitting.features import FittedFeatures
    from modelwright.parts.samples import Start

    told = start.read_json("model.json")
    if told["kind"] != recipe.model.kind:
        raise SpecError(f"{start.label} is of {told['kind']}, not of {recipe.model.kind}", where=WHERE)
    files = {name.removeprefix(WEIGHTS): name for name in start.manifest.outputs if name.startswith(WEIGHTS)}
    if not files or any("/" in name for name in files):
        raise ArtifactError(f"{start.label} holds no weights of one model to continue from", where=WHERE)
    prepare = lineage.source_of(job, start, "prepare")
    features = FittedFeatures.from_dict(prepare.read_bytes("features.onnx"), prepare.read_json("features.json"))
    if features.cross_fitted:
        raise SpecError(
            f"{start.label} has a feature step that uses the target: it tells too much of the rows it was fitted on",
            where=WHERE,
            hint="train without warm_start",
        )
    _check_columns(start, Schema.from_dict(prepare.read_json("schema.json")), data.schema, features.inputs)
    weights = {name: start.read_bytes(path) for name, path in files.items()}
    if recipe.model.counts:
        data = _not_yet_counted(data, start)
    found = Start(start.label, weights, told["notes"])
    return replace(data, features=features), replace(recipe, start=found)


def _not_yet_counted(data: Prepared, start: Run) -> Prepared:
    """The rows of learn that the earlier model has not seen: counted twice, they would weigh twice."""
    import numpy as np
    import pyarrow as pa

    table = data.whole_learn
    new = ~np.isin(table.column(ROW_DIGEST).to_numpy(), _fitted_rows(start))
    if not new.any():
        raise DataError(f"{start.label} has learnt from all of these rows", where=WHERE)
    return replace(data, learn=table.filter(pa.array(new)), learn_file=None)


def _fitted_rows(start: Run) -> NDArray[np.int64]:
    import pyarrow.parquet as pq

    found: NDArray[np.int64] = pq.read_table(start.file("fitted_rows.parquet")).column(ROW_DIGEST).to_numpy()
    return found


def _check_columns(start: Run, before: Schema, now: Schema, inputs: tuple[str, ...] | list[str]) -> None:
    if before.classes != now.classes:
        raise DataError(
            f"{start.label} tells other classes apart: {list(before.classes or ())[:10]}, "
            f"now there are {list(now.classes or ())[:10]}",
            where=WHERE,
            hint="train without warm_start",
        )
    for name in inputs:
        kind = "missing" if name not in now else now[name].type if now[name].role != "ignore" else "ignored"
        if kind != before[name].type:
            raise DataError(
                f'{start.label} knows "{name}" as {before[name].type}; now it is {kind}',
                where=WHERE,
                hint="give its type under prepare.columns, or train without warm_start",
            )


def depending_on(trained: Trained, start: Run) -> Trained:
    """The model with the rows of the one that it continues among those that it depends on."""
    import numpy as np

    before = start.read_json("model.json")["notes"].get("iterations")
    told = {**trained.told, "warm_start": {"run": start.label, "iterations": before}}
    return replace(trained, fitted_rows=np.union1d(trained.fitted_rows, _fitted_rows(start)), told=told)
