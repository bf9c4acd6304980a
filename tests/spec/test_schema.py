"""The JSON Schema says what loading does, and no typo of any key ever passes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import to_json

from modelwright.parts import catalog
from modelwright.spec.problems import faults
from modelwright.spec.schema import json_schema
from modelwright.spec.spec import Spec

MINIMAL: dict[str, Any] = {
    "name": "a",
    "task": {"kind": "regression", "target": "y"},
    "prepare": {"source": {"kind": "csv", "path": "a.csv"}},
    "serve": {"log": {"folder": "logs"}},
}
SECTIONS: dict[str, dict[str, Any]] = {  # every mapping with fixed keys, with the least that it must hold
    "": {},
    "prepare": {"source": {"kind": "csv", "path": "a.csv"}},
    "prepare/source/filesystem": {},
    "prepare/columns/x": {},
    "prepare/contract": {"file": "a.json"},
    "train": {},
    "train/decision": {"threshold": 0.3},
    "tune": {},
    "tune/space/model.x": {"low": 1, "high": 2},
    "tune/space/model.y": {"choices": [1]},
    "evaluate": {},
    "export": {},
    "export/container": {},
    "serve": {},
    "serve/routes/champion": {},
    "serve/log": {"folder": "logs"},
    "serve/canary": {"alias": "candidate"},
    "serve/shadow": {},
    "serve/cache": {},
    "serve/grpc": {},
    "serve/traces": {"endpoint": "http://127.0.0.1:4318/v1/traces"},
    "serve/tls": {"cert": "cert.pem", "key": "key.pem"},
    "serve/rate_limit": {"per_s": 1},
    "serve/limits": {},
    "monitor": {},
    "monitor/window": {},
    "monitor/labels": {"kind": "csv", "path": "a.csv", "key": "id"},
    "monitor/retrain": {},
}
ROOMS = {  # where a spec names parts of each room
    "tasks": "task",
    "readers": "prepare/source",
    "cleaners": "prepare/clean/0",
    "history": "prepare/history/0",
    "checks": "prepare/checks/0",
    "splits": "prepare/split",
    "features": "prepare/features/0",
    "models": "train/model",
    "validations": "train/validation",
    "samplers": "tune/sampler",
    "metrics": "evaluate/metrics/0",
    "gates": "evaluate/gates/0",
    "drift": "monitor/tests/0",
}
PLACES = [*SECTIONS.items()] + [
    (path, {"kind": kind, **catalog.load(room, kind).example})
    for room, path in ROOMS.items()
    for kind in catalog.kinds(room)
]  # fmt: skip


def put(path: str, value: Any) -> dict[str, Any]:
    """The minimal spec with `value` at `path`."""

    def placed(below: Any, steps: list[str]) -> Any:
        if not steps:
            return {**below, **value} if path in ("", "prepare", "serve") else value
        if steps[0] == "0":
            return [placed(None, steps[1:])]
        return {**(below or {}), steps[0]: placed((below or {}).get(steps[0]), steps[1:])}

    made: dict[str, Any] = placed(MINIMAL, path.split("/") if path else [])
    return made


def validate(document: dict[str, Any]) -> None:
    Spec.model_validate_json(to_json(document), strict=True)


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object with named properties in a JSON Schema."""
    if isinstance(schema, dict):
        if "properties" in schema and isinstance(schema["properties"], dict):
            yield schema
        for value in schema.values():
            yield from objects(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from objects(value)


def keys_at(path: str, least: dict[str, Any]) -> set[str]:
    """What may stand there, by the words of the error for what may not."""
    with pytest.raises(ValidationError) as raised:
        validate(put(path, {**least, "unheard-of": 1}))
    return {key for fault in faults(raised.value, Spec) if fault.loc[-1] == "unheard-of" for key in fault.known}


def typos(key: str) -> set[str]:
    """Slips of the finger: a letter lost, doubled, swapped with the next, in upper case, one too many, a dash."""
    lost = {key[:place] + key[place + 1 :] for place in range(len(key))}
    doubled = {key[:place] + key[place] + key[place:] for place in range(len(key))}
    swapped = {key[:place] + key[place + 1] + key[place] + key[place + 2 :] for place in range(len(key) - 1)}
    return lost | doubled | swapped | {key.upper(), key.capitalize(), key + "s", key + " ", key.replace("_", "-")}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the parts' examples name."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://reader:word@localhost/fleet")


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json_schema()


@pytest.mark.parametrize(("path", "least"), PLACES, ids=[f"{path}-{least.get('kind', '')}" for path, least in PLACES])
def test_no_typo_of_any_key_validates(path: str, least: dict[str, Any]) -> None:
    validate(put(path, least))
    known = keys_at(path, least)
    assert known >= set(least)
    for key in known:
        for typo in typos(key) - known:
            with pytest.raises(ValidationError) as raised:
                validate(put(path, {**least, typo: least.get(key)}))
            found = faults(raised.value, Spec)
            assert any(fault.kind == "extra_forbidden" and fault.loc[-1] == typo for fault in found), (path, typo)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PLACES), st.text(min_size=1, max_size=12), st.none() | st.integers() | st.text(max_size=3))
def test_no_unknown_key_validates(place: tuple[str, dict[str, Any]], key: str, value: Any) -> None:
    path, least = place
    if key not in keys_at(path, least):
        with pytest.raises(ValidationError):
            validate(put(path, {**least, key: value}))


def test_every_key_of_the_json_schema_was_among_those_tried(schema: dict[str, Any]) -> None:
    tried = {key for path, least in PLACES for key in (*keys_at(path, least), *least)}
    written = {key for each in objects(schema) for key in each["properties"]}
    assert written - tried == {"extends"}


def test_every_object_is_closed_and_every_key_described(schema: dict[str, Any]) -> None:
    for each in objects(schema):
        assert each.get("additionalProperties") is False, each.get("title")
        if each.get("title") != "modelwright spec":
            bare = [key for key, value in each["properties"].items() if "description" not in value and key != "kind"]
            assert bare == [], each.get("title")


def test_every_part_is_in_the_schema(schema: dict[str, Any]) -> None:
    kinds = {each["properties"]["kind"].get("const") for each in objects(schema) if "kind" in each["properties"]}
    assert {kind for room in ROOMS for kind in catalog.kinds(room)} <= kinds


def test_the_schema_is_a_schema_and_accepts_the_shipped_specs(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for path, least in PLACES:
        assert list(validator.iter_errors(put(path, least))) == [], path
        wrong = put(path, {**least, "unheard-of": 1})
        assert list(validator.iter_errors(wrong)) != [], path
