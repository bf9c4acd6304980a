"""The spec's JSON Schema, with every part that can be named, built-in or installed."""

from typing import Any

from modelwright.spec.spec import Spec

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """What `modelwright schema` prints. Loads every part."""
    content = Spec.model_json_schema()
    extends = {"type": "string", "title": "Extends", "description": "Spec file that this one builds on."}
    content["properties"] = {"extends": extends, **content["properties"]}
    return {"$schema": DIALECT, **content, "title": "modelwright spec"}
