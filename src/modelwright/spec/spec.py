"""The whole spec: a name, a task and one section per stage, and what must hold between them."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, Field

from modelwright.core.names import NAME_PATTERN, did_you_mean
from modelwright.parts import catalog
from modelwright.parts.base import Metric, Model
from modelwright.spec.choices import AnyTask
from modelwright.spec.deciding import not_for
from modelwright.spec.evaluate import Evaluate
from modelwright.spec.export import Export
from modelwright.spec.monitor import Monitor
from modelwright.spec.prepare import Prepare
from modelwright.spec.section import CLOSED
from modelwright.spec.serve import Serve
from modelwright.spec.train import Train, not_continued
from modelwright.spec.tune import Tune

CURVED = ("binary", "multiclass", "ordinal", "regression", "quantile")  # tasks of one target
Complaint = tuple[tuple[str | int, ...], str]  # where in the spec, and what


class Spec(BaseModel):
    """One model's life, from raw data to a monitored server."""

    model_config = CLOSED

    name: str = Field(pattern=NAME_PATTERN, description="Folder of its runs, and its name on the server.")
    task: AnyTask = Field(description="What is predicted.")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Root of all randomness.")
    prepare: Prepare = Field(description="Rows to typed, split, featured tables.")
    train: Train = Field(default_factory=Train, description="Features to one graph.")
    tune: Tune = Field(default_factory=Tune, description="Search for better settings.")
    evaluate: Evaluate = Field(default_factory=Evaluate, description="Metrics, slices and gates on test rows.")
    export: Export = Field(default_factory=Export, description="The bundle.")
    serve: Serve = Field(default_factory=Serve, description="The server.")
    monitor: Monitor = Field(default_factory=Monitor, description="Drift, performance and when to train again.")


def complaints(spec: Spec) -> Iterator[Complaint]:
    """What is wrong between fields that are each valid."""
    yield from _columns(spec)
    yield from _models(spec)
    yield from _metrics(spec)
    yield from _space(spec)
    yield from _around_the_fit(spec)


def _columns(spec: Spec) -> Iterator[Complaint]:
    roles: dict[str, list[str]] = {}
    for name, column in spec.prepare.columns.items():
        roles.setdefault(column.role, []).append(name)
    for role in ("time", "weight", "entity"):
        for name in roles.get(role, [])[1:]:
            yield (
                ("prepare", "columns", name, "role"),
                f"{roles[role][0]} already has the role {role}; only one column can",
            )
    for name in spec.task.targets:
        target = spec.prepare.columns.get(name)
        if target is not None and target.role != "input":
            yield ("prepare", "columns", name, "role"), f"it is the target, so it can't have the role {target.role}"
    for name, column in spec.prepare.columns.items():
        if column.role == "time" and column.type not in (None, "timestamp"):
            yield ("prepare", "columns", name, "type"), f"a column with the role time is a timestamp, not {column.type}"


def _models(spec: Spec) -> Iterator[Complaint]:
    tuned = [("tune", spec.tune.model)] if spec.tune.model != spec.train.model else []
    for section, model in [("train", spec.train.model), *tuned]:
        if not model.can(spec.task.of_models):
            suited = ", ".join(sorted(model.tasks))
            able = ", ".join(_models_for(spec.task.of_models))
            yield (section, "model"), f"{model.kind} is for {suited}, not for {spec.task.kind}; what can do it: {able}"


def _models_for(task: str) -> list[str]:
    models = {kind: catalog.load("models", kind) for kind in catalog.builtin_kinds("models")}
    return [kind for kind, model in models.items() if issubclass(model, Model) and model.can(task)]


def _metrics(spec: Spec) -> Iterator[Complaint]:
    for section, metrics in (("evaluate", spec.evaluate.metrics), ("monitor", spec.monitor.metrics)):
        for index, metric in enumerate(metrics or ()):
            if spec.task.kind not in metric.tasks:
                yield (section, "metrics", index), _unsuited(metric.kind, type(metric), spec.task.kind)
    named: list[tuple[tuple[str | int, ...], str | None]] = [(("task", "metric"), spec.task.metric)]
    for index, gate in enumerate(spec.evaluate.gates):
        named.append((("evaluate", "gates", index, "metric"), getattr(gate, "metric", None)))
    for path, kind in named:
        if kind is None:
            continue
        if kind not in catalog.builtin_kinds("metrics") and kind not in catalog.kinds("metrics"):
            yield path, f'there is no metric "{kind}"{did_you_mean(kind, catalog.kinds("metrics"))}'
            continue
        metric_type = catalog.load("metrics", kind)
        if issubclass(metric_type, Metric) and spec.task.kind not in metric_type.tasks:
            yield path, _unsuited(kind, metric_type, spec.task.kind)


def _unsuited(kind: str, metric: type[Metric], task: str) -> str:
    return f"{kind} is for {', '.join(sorted(metric.tasks))}, not for {task}"


def _space(spec: Spec) -> Iterator[Complaint]:
    """A search space names keys of the model that is tuned."""
    known = [f"model.{name}" for name in type(spec.tune.model).model_fields if name != "kind"]
    for key in spec.tune.space:
        if key not in known:
            yield ("tune", "space", key), f"{spec.tune.model.kind} has no such key{did_you_mean(key, known)}"


def _around_the_fit(spec: Spec) -> Iterator[Complaint]:
    """Only probabilities of classes can be calibrated, or decided, and only quantiles moved."""
    section, task = spec.train, spec.task
    if section.calibration == "conformal" and task.kind != "quantile":
        yield ("train", "calibration"), f"conformal moves quantiles; {task.kind} has none"
    elif section.calibration not in (None, "none", "conformal") and not task.classification:
        otherwise = "; conformal moves quantiles" if task.kind == "quantile" else ""
        yield ("train", "calibration"), f"only probabilities of classes are calibrated; {task.kind} has none{otherwise}"
    if section.learning_curve and task.kind not in CURVED:
        yield ("train", "learning_curve"), f"there is none for {task.kind}, only for {', '.join(CURVED)}"
    if section.warm_start is not None:
        for why in not_continued(section, task.kind):
            yield ("train", "warm_start"), why
    if section.decision is not None:
        for why in not_for(section.decision, task.kind, task.classification):
            yield ("train", "decision"), why
