"""The JSON Schemas of a model server's requests and answers, made from the signature."""

from __future__ import annotations

from typing import Any

from modelwright.serving.protocols.inference_protocol import DATATYPES
from modelwright.serving.requests import EXACT, LONGEST_TIME
from modelwright.serving.settings import Limits
from modelwright.serving.signature import Field, Output, Signature

JSON_TYPES = {"number": "number", "integer": "integer", "boolean": "boolean"}
BINARY = {"type": "string", "contentMediaType": "application/octet-stream"}
SHOWN_CATEGORIES = 200
TEXT: dict[str, Any] = {"type": "string"}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
PARAMETERS = {"type": "object", "additionalProperties": {"type": ["boolean", "number", "string", "null"]}}


def components(signature: Signature, limits: Limits | None) -> dict[str, Any]:
    """By name, as `$ref` says it. With `limits`, what a server takes at most is in them."""
    most = {} if limits is None else {"maxItems": limits.rows}
    rows = {"type": "array", "minItems": 1, **most, "items": {"$ref": "#/components/schemas/Row"}}
    predictions = {"type": "array", "items": {"$ref": "#/components/schemas/Prediction"}}
    about = {"model": {"const": signature.name}, "version": COUNT, "request_id": TEXT}
    return {
        "Row": _row(signature, limits),
        "Rows": _closed({"rows": rows}),
        "Prediction": _closed({one.name: _output(one) | _rule(one, signature) for one in signature.outputs}),
        "Predictions": _closed({**about, "predictions": predictions}),
        "InferRequest": _infer_request(signature),
        "InferAnswer": _infer_answer(signature),
        "ModelMetadata": _closed(
            {
                "name": TEXT,
                "versions": {"type": "array", "items": TEXT},
                "platform": TEXT,
                "inputs": {"type": "array", "items": _tensor_metadata()},
                "outputs": {"type": "array", "items": _tensor_metadata()},
            }
        ),
        "ServerMetadata": _closed({"name": TEXT, "version": TEXT, "extensions": {"type": "array", "items": TEXT}}),
        "Statistics": _closed({"model_stats": {"type": "array", "items": {"type": "object"}}}),
        "Live": _closed({"live": {"type": "boolean"}}),
        "Ready": _closed({"ready": {"type": "boolean"}}),
        "Anything": {"type": "object"},
        "Error": {
            "type": "object",
            "required": ["error"],
            "properties": {"error": TEXT, "field": TEXT, "row": COUNT, "request_id": TEXT},
        },
    }


def _row(signature: Signature, limits: Limits | None) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [field.name for field in signature.inputs if not field.nullable],
        "properties": {
            **{field.name: _field(field, limits, scored=True) for field in signature.inputs},
            **{field.name: _field(field, limits, scored=False) for field in signature.context},
        },
    }


def _field(field: Field, limits: Limits | None, *, scored: bool) -> dict[str, Any]:
    """What was seen while learning is told (`x-learned`), not enforced."""
    kind = JSON_TYPES.get(field.type, "string")
    schema: dict[str, Any] = {"type": [kind, "null"] if field.nullable else kind}
    if field.type == "timestamp":
        schema |= {"format": "date-time", "maxLength": LONGEST_TIME}
    elif field.type == "integer":
        schema |= {"minimum": -int(EXACT), "maximum": int(EXACT)}
    elif field.textual:
        schema |= {} if field.nullable else {"minLength": 1}
        schema |= {} if limits is None else {"maxLength": limits.string_chars}
    learned: dict[str, Any] = {"type": field.type, "role": field.role, "scored": scored}
    if field.minimum is not None and field.type != "timestamp":
        schema["description"] = f"{field.minimum:g} to {field.maximum:g} while learning"
        learned |= {"minimum": field.minimum, "maximum": field.maximum}
    if field.categories:
        schema["examples"] = list(field.categories[:20])
        learned["categories"] = list(field.categories[:SHOWN_CATEGORIES])
    return {**schema, "x-learned": learned}


def _rule(output: Output, signature: Signature) -> dict[str, Any]:
    """How the label follows from the probabilities, where it is not the most probable class."""
    told = signature.decision
    if not told or output.name != "prediction":
        return {}
    if "threshold" in told:
        return {"description": f"{told['positive']} from a probability of {told['threshold']:g} on"}
    return {"description": "the label of the least expected cost, not the most probable one"}


def _output(output: Output) -> dict[str, Any]:
    one = {"type": JSON_TYPES.get(output.type, "string")}
    return one if output.labels is None else _closed(dict.fromkeys(output.labels, one))


def _infer_request(signature: Signature) -> dict[str, Any]:
    """`data`, or raw bytes behind the JSON and their number in `parameters.binary_data_size`."""
    names = [field.name for field in signature.fields]
    datatypes = sorted({name for _, taken in DATATYPES.values() for name in taken})
    value = {"type": ["boolean", "number", "string", "null"]}
    tensor = {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "shape", "datatype"],
        "properties": {
            "name": {"enum": names},
            "shape": {"type": "array", "items": COUNT, "minItems": 1, "maxItems": 2},
            "datatype": {"enum": datatypes},
            "data": {"type": "array", "items": value},
            "parameters": PARAMETERS,
        },
    }
    output = {
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "properties": {"name": {"enum": [output.name for output in signature.outputs]}, "parameters": PARAMETERS},
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["inputs"],
        "properties": {
            "id": TEXT,
            "inputs": {"type": "array", "items": tensor, "minItems": 1},
            "outputs": {"type": "array", "items": output},
            "parameters": PARAMETERS,
        },
    }


def _infer_answer(signature: Signature) -> dict[str, Any]:
    output = {
        "type": "object",
        "required": ["name", "datatype", "shape"],
        "properties": {
            "name": {"enum": [output.name for output in signature.outputs]},
            "datatype": TEXT,
            "shape": {"type": "array", "items": COUNT},
            "data": {"type": "array"},
            "parameters": PARAMETERS,
        },
    }
    return {
        "type": "object",
        "required": ["model_name", "model_version", "outputs"],
        "properties": {
            "model_name": {"const": signature.name},
            "model_version": TEXT,
            "id": TEXT,
            "outputs": {"type": "array", "items": output},
        },
    }


def _tensor_metadata() -> dict[str, Any]:
    return _closed({"name": TEXT, "datatype": TEXT, "shape": {"type": "array", "items": {"type": "integer"}}})


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": list(properties), "properties": properties}
