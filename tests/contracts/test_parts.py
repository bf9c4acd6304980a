"""Every part that is found keeps its contract; a new part is tested from the day it is added."""

import importlib
import inspect
import re

import pytest
from pydantic import ValidationError

from modelwright.core.errors import SpecError
from modelwright.core.names import NAME_PATTERN
from modelwright.parts import base, catalog

PARTS = [(room, kind) for room in catalog.CONTRACTS for kind in catalog.builtin_kinds(room)]
IDS = [f"{room}/{kind}" for room, kind in PARTS]
every_part = pytest.mark.parametrize(("room", "kind"), PARTS, ids=IDS)


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    """What the parts' examples name."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://reader:word@localhost/fleet")


def made(room: str, kind: str) -> base.Part:
    part = catalog.load(room, kind)
    return part.model_validate({"kind": kind, **part.example})


def test_every_kind_of_part_has_some():
    assert {room for room, _ in PARTS} == set(catalog.CONTRACTS)


@every_part
def test_part_is_a_closed_frozen_model_named_like_its_file(room, kind):
    part = catalog.load(room, kind)
    assert issubclass(part, catalog.CONTRACTS[room]) and not inspect.isabstract(part)
    assert part.__mro__[1] is catalog.CONTRACTS[room], "no inheritance but the one step to the contract"
    assert re.fullmatch(NAME_PATTERN, kind)
    assert part.model_fields["kind"].default == kind
    assert part.model_config["frozen"] and part.model_config["extra"] == "forbid"


@every_part
def test_part_is_documented(room, kind):
    part = catalog.load(room, kind)
    assert (importlib.import_module(part.__module__).__doc__ or "").strip()
    assert part.__doc__ and part.__doc__ != catalog.CONTRACTS[room].__doc__
    for name, field in part.model_fields.items():
        assert name == "kind" or name in catalog.CONTRACTS[room].model_fields or field.description, f"{kind}.{name}"


@every_part
def test_part_survives_being_written_and_read(room, kind):
    part = made(room, kind)
    assert type(part).model_validate_json(part.model_dump_json()) == part


@every_part
def test_part_refuses_a_key_it_does_not_have(room, kind):
    part = catalog.load(room, kind)
    with pytest.raises(ValidationError, match="Extra inputs"):
        part.model_validate({"kind": kind, **part.example, "no_such_key": 1})


@every_part
def test_numbers_are_bounded(room, kind):
    """A number that may be anything lets a typing slip through: each has a bound, or is a value of the data."""
    data_values = {"min", "max", "value", "low", "high"}
    for name, field in catalog.load(room, kind).model_fields.items():
        if field.annotation in (int, float) and name not in data_values:
            bounds = [entry for entry in field.metadata if type(entry).__name__ in {"Ge", "Gt", "Le", "Lt", "Interval"}]
            assert bounds, f"{kind}.{name}"


@pytest.mark.parametrize("room", sorted(catalog.CONTRACTS))
def test_unknown_kind_names_the_near_miss(room):
    kind = catalog.builtin_kinds(room)[0]
    with pytest.raises(SpecError, match=f'did you mean "{kind}"'):
        catalog.load(room, kind + "x")


@pytest.mark.parametrize("kind", catalog.builtin_kinds("models"))
def test_model_says_what_it_can_do_and_what_to_search(kind):
    from modelwright.parts.space import dimension

    model = catalog.load("models", kind)
    assert issubclass(model, base.Model)
    assert model.tasks and model.tasks <= set(catalog.builtin_kinds("tasks"))
    for name, written in model.search_space.items():
        assert name in model.model_fields
        dimension(written)


@pytest.mark.parametrize("kind", catalog.builtin_kinds("metrics"))
def test_metric_is_made_for_tasks_that_exist_and_tasks_for_metrics_that_exist(kind):
    metric = catalog.load("metrics", kind)
    assert issubclass(metric, base.Metric)
    assert metric.tasks <= set(catalog.builtin_kinds("tasks"))
    assert metric.direction in ("higher", "lower")


@pytest.mark.parametrize("kind", catalog.builtin_kinds("tasks"))
def test_default_metrics_of_a_task_are_made_for_it(kind):
    task = catalog.load("tasks", kind)
    assert issubclass(task, base.Task)
    for name in task.default_metrics:
        metric = catalog.load("metrics", name)
        assert issubclass(metric, base.Metric) and kind in metric.tasks
    assert task.default_split["kind"] in catalog.builtin_kinds("splits")
