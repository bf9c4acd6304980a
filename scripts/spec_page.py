"""Writes docs/spec.md, every key that a spec may hold, from the code itself.

    python scripts/spec_page.py

A test fails when the page is not what this script would write.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from modelwright.parts import catalog
from modelwright.spec.spec import Spec

PAGE = Path(__file__).resolve().parents[1] / "docs" / "spec.md"
SECTIONS = ("prepare", "train", "tune", "evaluate", "export", "serve", "monitor")
ROOMS = {  # room: one of it is called
    "tasks": "task",
    "readers": "reader",
    "cleaners": "cleaner",
    "history": "kind of history",
    "checks": "check",
    "splits": "split",
    "features": "feature step",
    "models": "model",
    "validations": "validation",
    "samplers": "sampler",
    "metrics": "metric",
    "gates": "gate",
    "drift": "drift test",
}
BOUNDS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {}",
}

Schema = Mapping[str, Any]


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)


def page() -> str:
    return "\n".join([*_head(), *_sections(), *_parts()]) + "\n"


def _head() -> Iterator[str]:
    yield "# The spec, key by key"
    yield ""
    yield "Written from the code by `scripts/spec_page.py`. `modelwright schema` prints the same for editors."
    yield ""
    yield "Where a kind of part is wanted (a [reader](#readers), a [model](#models), …), `kind:` picks one;"
    yield "its other keys are the part's own. A part without required keys may be written by its kind alone:"
    yield "`model: ridge`."
    yield ""
    schema = _written(Spec)
    own = {name: field for name, field in schema["properties"].items() if name not in SECTIONS}
    yield from _table({**schema, "properties": own}, schema)


def _sections() -> Iterator[str]:
    schema = _written(Spec)
    for name in SECTIONS:
        found = _resolved(schema["properties"][name], schema)
        yield from ("", f"## {name}", "", _first_line(found.get("description", "")), "")
        yield from _table(found, schema)
        yield from _nested(schema, found)


def _nested(schema: Schema, section: Schema) -> Iterator[str]:
    """The tables of the mappings that stand inside a section."""
    shown = set()
    for key, field in section["properties"].items():
        for name in _references(field):
            found = schema["$defs"][name]
            if name not in shown and "properties" in found and "kind" not in found["properties"]:
                shown.add(name)
                yield from ("", f"`{key}`: {_first_line(found.get('description', ''))}", "")
                yield from _table(found, schema)


def _parts() -> Iterator[str]:
    for room, one in ROOMS.items():
        yield from ("", f"## {room}", "", f"What a {one} can be.")
        for kind in catalog.builtin_kinds(room):
            part = catalog.load(room, kind)
            yield from ("", f"### {one}: `{kind}`", "", inspect.cleandoc(part.__doc__ or ""), "")
            example = yaml.safe_dump(
                {"kind": kind, **part.example}, default_flow_style=True, sort_keys=False, width=1000
            )
            yield f"`{example.strip()}`"
            schema = _written(part)
            if len(schema["properties"]) > 1:
                yield ""
                yield from _table(schema, schema)


def _written(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(by_alias=True)


def _table(mapping: Schema, schema: Schema) -> Iterator[str]:
    """The keys of one mapping; `schema` holds what it refers to."""
    yield "| key | type | default | meaning |"
    yield "|---|---|---|---|"
    for name, field in mapping["properties"].items():
        if name == "kind" and "const" in field:
            continue
        default = "**required**" if name in mapping.get("required", ()) else _default(field)
        meaning = _first_line(field.get("description", ""))
        yield f"| `{name}` | {_type(field, schema)} | {default} | {_cell(meaning)} |"


def _default(field: Schema) -> str:
    if "default" not in field:
        return "its own defaults"
    default = field["default"]
    if default is None:
        return "none"
    if isinstance(default, (dict, list)):
        text = yaml.safe_dump(default, default_flow_style=True, sort_keys=False, width=1000).strip()
        return f"`{_cell(text)}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _type(field: Schema, schema: Schema) -> str:
    """One cell that says what may be written."""
    if room := _room(field):
        return f"a [{ROOMS[room]}](#{room})"
    if "$ref" in field or "allOf" in field:
        return _type_of_reference(field, schema)
    if choices := field.get("anyOf") or field.get("oneOf"):
        words = [_type(choice, schema) for choice in choices if choice.get("type") != "null"]
        return " or ".join(dict.fromkeys(words))
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{choice}`" for choice in field["enum"] if choice is not None)
    if field.get("type") == "array":
        places = field.get("prefixItems")  # of a list of fixed length
        return f"list of {_type({'anyOf': places} if places else field.get('items', {}), schema)}"
    if field.get("type") == "object":
        values = _type(field["additionalProperties"], schema) if field.get("additionalProperties") else "any value"
        return f"mapping of names to {values}".replace("to see below", ", see below").replace(" ,", ",")
    bounds = [words.format(field[name]) for name, words in BOUNDS.items() if name in field]
    kind = {"string": "text", "integer": "whole number", "boolean": "`true`, `false`"}.get(field.get("type", ""), "")
    return ", ".join([kind or field.get("type", "any value"), *bounds])


def _type_of_reference(field: Schema, schema: Schema) -> str:
    found = _resolved(field, schema)
    kind = found.get("properties", {}).get("kind", {}).get("const")
    if kind is None:
        return "see below"
    return f"`{{kind: {kind}}}`"


def _room(field: Schema) -> str | None:
    """The room whose parts a field takes: the schema lists all its kinds."""
    choices = field.get("oneOf")
    if not choices:
        return None
    kinds = {choice.get("properties", {}).get("kind", {}).get("const") for choice in choices} - {None}
    rooms = [room for room in ROOMS if kinds and kinds <= set(catalog.kinds(room))]  # a part may refuse some kinds
    return min(rooms, key=lambda room: len(catalog.kinds(room)), default=None)


def _resolved(field: Schema, schema: Schema) -> Schema:
    reference = field.get("$ref") or next((part["$ref"] for part in field.get("allOf", ()) if "$ref" in part), None)
    found: Schema = schema["$defs"][reference.rsplit("/", 1)[1]] if reference else field
    return found


def _references(field: Any) -> Iterator[str]:
    if isinstance(field, Mapping):
        if "$ref" in field:
            yield field["$ref"].rsplit("/", 1)[1]
        for value in field.values():
            yield from _references(value)
    elif isinstance(field, list):
        for value in field:
            yield from _references(value)


def _first_line(text: str) -> str:
    return text.split("\n\n", 1)[0].replace("\n", " ")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    main()
