"""The OpenAPI document of a model server, made from the signature."""

from __future__ import annotations

from typing import Any

from modelwright.serving.signature import Field, Output, Signature

JSON_TYPES = {"number": "number", "integer": "integer", "boolean": "boolean"}


def document(signature: Signature, version: int | None = None) -> dict[str, Any]:
    """OpenAPI 3.1; without a version (in the bundle's own copy) the document is the same for equal models."""
    about = {"title": f"{signature.name} ({signature.task})", "version": str(version) if version else "bundle"}
    return {
        "openapi": "3.1.0",
        "info": about,
        "paths": {
            "/predict": {"post": _predict(signature)},
            f"/v2/models/{signature.name}": {"get": _get("Metadata of the model, Open Inference Protocol")},
            f"/v2/models/{signature.name}/ready": {"get": _get("Whether the model answers")},
            f"/v2/models/{signature.name}/infer": {"post": _infer()},
            "/v2": {"get": _get("Metadata of the server")},
            **{
                path: {"get": _get(words, security=[])}
                for path, words in (
                    ("/health/live", "Whether the process lives"),
                    ("/health/ready", "Whether requests are welcome"),
                    ("/v2/health/live", "Whether the process lives"),
                    ("/v2/health/ready", "Whether requests are welcome"),
                )
            },
            "/metrics": {"get": _get("Prometheus metrics", content="text/plain")},
            "/openapi.json": {"get": _get("This document")},
        },
        "components": {
            "schemas": {"Row": _row(signature), "Prediction": _prediction(signature), "Error": _error()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}, {}],
    }


def _predict(signature: Signature) -> dict[str, Any]:
    rows = {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Row"}}
    answer = {
        "type": "object",
        "required": ["model", "version", "request_id", "predictions"],
        "properties": {
            "model": {"const": signature.name},
            "version": {"type": "integer"},
            "request_id": {"type": "string"},
            "predictions": {"type": "array", "items": {"$ref": "#/components/schemas/Prediction"}},
        },
    }
    request = {"type": "object", "required": ["rows"], "additionalProperties": False, "properties": {"rows": rows}}
    return {
        "summary": f"Predict with {signature.name}: one answer per row, in their order",
        "requestBody": {"required": True, "content": _json(request)},
        "responses": {"200": {"description": "Predictions", "content": _json(answer)}, **_refusals()},
    }


def _infer() -> dict[str, Any]:
    tensor = {
        "type": "object",
        "required": ["name", "shape", "datatype", "data"],
        "properties": {
            "name": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer"}},
            "datatype": {"type": "string"},
            "data": {"type": "array"},
        },
    }
    request = {
        "type": "object",
        "required": ["inputs"],
        "properties": {"id": {"type": "string"}, "inputs": {"type": "array", "items": tensor}},
    }
    return {
        "summary": "Predict, Open Inference Protocol: one tensor per column",
        "requestBody": {"required": True, "content": _json(request)},
        "responses": {"200": {"description": "Tensors", "content": _json({"type": "object"})}, **_refusals()},
    }


def _get(summary: str, *, content: str = "application/json", security: list[Any] | None = None) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {
            "200": {"description": "OK", "content": {content: {}}},
            "default": {"description": "Refused", "content": _json({"$ref": "#/components/schemas/Error"})},
        },
    }
    return operation if security is None else {**operation, "security": security}


def _refusals() -> dict[str, Any]:
    meanings = {
        "400": "Not JSON",
        "401": "No token",
        "403": "Wrong token",
        "408": "Too slow",
        "413": "Too large",
        "415": "Compressed",
        "422": "A field does not fit",
        "503": "Busy; see Retry-After",
    }
    content = _json({"$ref": "#/components/schemas/Error"})
    return {status: {"description": words, "content": content} for status, words in meanings.items()}


def _row(signature: Signature) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [field.name for field in signature.inputs if not field.nullable],
        "properties": {field.name: _field(field) for field in signature.fields},
    }


def _field(field: Field) -> dict[str, Any]:
    kind = JSON_TYPES.get(field.type, "string")
    schema: dict[str, Any] = {"type": [kind, "null"] if field.nullable else kind}
    if field.type == "timestamp":
        schema["format"] = "date-time"
    elif field.textual and not field.nullable:
        schema["minLength"] = 1
    words = [f"role: {field.role}"] if field.role != "input" else []
    if field.minimum is not None and field.type != "timestamp":
        words.append(f"{field.minimum:g} to {field.maximum:g} while learning")
    if field.categories:
        schema["examples"] = list(field.categories[:20])
    return {**schema, "description": "; ".join(words)} if words else schema


def _prediction(signature: Signature) -> dict[str, Any]:
    properties: dict[str, Any] = {"prediction": _output(signature.outputs[0])}
    if signature.classes:
        shares = {str(label): {"type": "number"} for label in signature.classes}
        properties["probability"] = {"type": "object", "properties": shares}
    return {"type": "object", "required": list(properties), "properties": properties}


def _output(output: Output) -> dict[str, Any]:
    return {"type": JSON_TYPES.get(output.type, "string")}


def _error() -> dict[str, Any]:
    properties = {name: {"type": "string"} for name in ("error", "field", "request_id")}
    return {"type": "object", "required": ["error"], "properties": {**properties, "row": {"type": "integer"}}}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
