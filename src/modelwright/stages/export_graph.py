"""Export: the bundle's one graph, made from the trained one: folded, in the precision asked for, packed, described."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelwright import __version__
from modelwright.core.columns import Schema
from modelwright.core.errors import ArtifactError
from modelwright.stages.job import Plan

if TYPE_CHECKING:
    import pyarrow as pa

    from modelwright.serving.signature import Signature


SIDES = ("before", "after")  # with the trained graph, and with the bundle's


@dataclass(frozen=True)
class BundleGraph:
    """`rounded`: how many matrices of weights are stored in fewer bits than the graph computes in."""

    model: bytes
    rounded: int


def bundle_graph(plan: Plan, signature: Signature, trained: bytes) -> BundleGraph:
    """The graph with the columns of the signature in matrices, one for each kind of value, and its description."""
    from modelwright.graph.describing import described
    from modelwright.graph.folding import folded
    from modelwright.graph.packing import packed
    from modelwright.graph.precision import converted

    model, rounded = converted(folded(trained), plan.job.spec.export.precision)
    model = packed(model, [(field.name, field.type) for field in signature.inputs])
    return BundleGraph(described(model, _about(plan, signature)), rounded)


def precision_change(plan: Plan, trained: bytes, graph: BundleGraph, test: pa.Table) -> dict[str, Any] | None:
    """What the precision asked for changes on the test rows; None where it is that of training.

    ArtifactError when predictions change by more than allowed.
    """
    import numpy as np

    from modelwright.graph.parity import difference
    from modelwright.graph.running import Scorer

    export = plan.job.spec.export
    if export.precision == "float64":
        return None
    before, after = Scorer(trained).run_table(test), Scorer(graph.model).run_table(test)
    numbers = [name for name, values in before.items() if values.dtype.kind == "f"]
    labels = [name for name in before if name not in numbers]
    size = max([1.0, *(float(np.abs(before[name][np.isfinite(before[name])]).max(initial=0.0)) for name in numbers)])
    largest = max((difference(before[name], after[name].astype(before[name].dtype)) for name in numbers), default=0.0)
    relative, allowed = largest / size, _allowed(plan)
    if not relative <= allowed:
        raise ArtifactError(
            f"in {export.precision} predictions change by up to {relative:.3g}; {_said(plan)} allows {allowed:g}",
            hint="ask for more precision, or set export.precision_tolerance to a change that does not matter to you",
        )
    return {
        "precision": export.precision,
        "largest": relative,
        "tolerance": allowed,
        "rows": test.num_rows,
        "other_labels": sum(_changed(before[name], after[name]) for name in labels),
        "rounded_weights": graph.rounded,
        "metrics": _metrics(plan, test, before, after),
    }


def allowed_difference(plan: Plan) -> float:
    """What the bundle's answers may differ by from those of the trained model."""
    export = plan.job.spec.export
    return export.tolerance if export.precision == "float64" else _allowed(plan)


def _allowed(plan: Plan) -> float:
    export = plan.job.spec.export
    return export.tolerance if export.precision_tolerance is None else export.precision_tolerance


def _said(plan: Plan) -> str:
    return "export.tolerance" if plan.job.spec.export.precision_tolerance is None else "export.precision_tolerance"


def _changed(before: Any, after: Any) -> int:
    """Rows with another label, or with another one among several."""
    differs = before != after
    return int((differs if differs.ndim == 1 else differs.any(axis=1)).sum())


def _metrics(plan: Plan, test: pa.Table, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Each metric of evaluate with the trained graph and with the bundle's."""
    from modelwright.fitting.scoring import checked_metrics, default_metrics, of_graph, point_score

    spec = plan.job.spec
    if not spec.task.supervised:
        return {}
    schema = Schema.from_dict(plan.sources["prepare"].read_json("schema.json"))
    metrics = checked_metrics(spec.evaluate.metrics, spec.task) if spec.evaluate.metrics else default_metrics(spec.task)
    sides = [of_graph(spec.task, schema, test, outputs) for outputs in (before, after)]
    return {
        metric.kind: dict(zip(SIDES, (point_score(metric, side) for side in sides), strict=True)) for metric in metrics
    }


def _about(plan: Plan, signature: Signature) -> dict[str, str]:
    """What the graph's metadata says. The bundle's own number is in its manifest: equal models are equal files."""
    train, prepare = plan.sources["train"], plan.sources["prepare"]
    return {
        "name": signature.name,
        "task": signature.task,
        "version": train.label,
        "train_digest": train.digest,
        "prepare_digest": prepare.digest,
        "precision": plan.job.spec.export.precision,
        "contains_rows": json.dumps(signature.contains_rows),
        "classes": json.dumps(signature.classes, ensure_ascii=False),
        "signature": json.dumps(signature.to_dict(), ensure_ascii=False, sort_keys=True),
        "tool_version": __version__,
    }
