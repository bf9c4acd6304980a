"""The OpenAPI document of a model server, made from the signature: every path, what it takes and what it answers."""

from __future__ import annotations

from typing import Any

from modelwright.serving.protocols import openapi_schemas as schemas
from modelwright.serving.settings import Limits
from modelwright.serving.signature import Signature

JSON = "application/json"
CSV = "text/csv"
ARROW = "application/vnd.apache.arrow.stream"
OCTETS = "application/octet-stream"
WORDS = {
    "400": "The body can't be read: not JSON, not CSV, damaged compression",
    "401": "No token",
    "403": "Wrong token",
    "404": "There is no such model, version or path",
    "405": "Another method is wanted; see Allow",
    "408": "The body took too long to arrive",
    "409": "It can't be done now",
    "413": "The body is too large",
    "415": "A Content-Encoding or character set that is not taken",
    "422": "A field does not fit; `field` and `row` say which",
    "429": "Too many requests; see Retry-After",
    "431": "The headers are too large",
    "503": "Busy or stopping; see Retry-After",
}
ALWAYS = ("401", "403", "404", "405", "429", "431")
WITH_BODY = ("400", "408", "413", "415", "422", "503")


def document(
    signature: Signature, version: int | None = None, limits: Limits | None = None, *, admin: bool = False
) -> dict[str, Any]:
    """OpenAPI 3.1; without a version (in the bundle's own copy) the document is the same for equal models."""
    described = f"Each path but the health checks takes a bearer token, where the server has one. {signature.task}."
    return {
        "openapi": "3.1.0",
        "info": {
            "title": signature.name,
            "version": str(version) if version else "bundle",
            "description": described,
        },
        "paths": {
            "/predict": {"post": _predict()},
            **_model_paths(signature.name),
            **_server_paths(),
            **_repository_paths(signature.name),
            **(_admin_paths() if admin else {}),
        },
        "components": {
            "schemas": schemas.components(signature, limits),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                **({"admin": {"type": "http", "scheme": "bearer"}} if admin else {}),
            },
        },
        "security": [{"token": []}, {}],
    }


def _predict() -> dict[str, Any]:
    text = {"schema": {"type": "string"}}
    return {
        "summary": "One answer for each row, in their order",
        "description": "Rows as JSON, or many of them as CSV with a header or as an Arrow stream. CSV and Arrow are "
        "answered in their own format, with the row's id (where the model has one) and a column for each output.",
        "parameters": [_header("X-Model-Version", "Ask this version or alias"), _header("X-Request-Id", "Kept")],
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": _ref("Rows")}, CSV: text, ARROW: {"schema": schemas.BINARY}},
        },
        "responses": {
            "200": {
                "description": "Predictions",
                "content": {JSON: {"schema": _ref("Predictions")}, CSV: text, ARROW: {"schema": schemas.BINARY}},
            },
            **_refused(*WITH_BODY),
        },
    }


def _model_paths(name: str) -> dict[str, Any]:
    """Of the model, and the same of one version."""
    found = {}
    one = {"name": "version", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^v?[0-9]+$"}}
    for path, parameters in ((f"/v2/models/{name}", []), (f"/v2/models/{name}/versions/{{version}}", [one])):
        shared = {"parameters": parameters} if parameters else {}
        found[path] = {**shared, "get": _get("The model's inputs and outputs", "ModelMetadata")}
        found[f"{path}/ready"] = {**shared, "get": _get("Whether the model answers", "Ready", "503")}
        found[f"{path}/config"] = {**shared, "get": _get("The same, in Triton's words", "Anything")}
        found[f"{path}/stats"] = {**shared, "get": _get("Rows and requests answered", "Statistics")}
        found[f"{path}/infer"] = {**shared, "post": _infer()}
    return found


def _infer() -> dict[str, Any]:
    content = {JSON: {"schema": _ref("InferRequest")}, OCTETS: {"schema": schemas.BINARY}}
    answered = {JSON: {"schema": _ref("InferAnswer")}, OCTETS: {"schema": schemas.BINARY}}
    return {
        "summary": "Predict, Open Inference Protocol: one tensor for each column",
        "description": "With Inference-Header-Content-Length, raw tensors follow that many bytes of JSON.",
        "parameters": [
            {
                "name": "Inference-Header-Content-Length",
                "in": "header",
                "schema": {"type": "integer", "minimum": 0},
                "description": "Where the JSON ends and raw tensors begin; without it the whole body is JSON",
            },
            _header("X-Model-Version", "Ask this version or alias"),
        ],
        "requestBody": {"required": True, "content": content},
        "responses": {"200": {"description": "Tensors", "content": answered}, **_refused(*WITH_BODY)},
    }


def _server_paths() -> dict[str, Any]:
    health = {
        f"{prefix}/health/{what}": {"get": {**_get(words, schema, *more), "security": [{}]}}
        for prefix in ("", "/v2")
        for what, words, schema, more in (
            ("live", "Whether the process lives", "Live", ()),
            ("ready", "Whether requests are welcome", "Ready", ("503",)),
        )
    }
    return {
        **health,
        "/": {"get": {**_get("A page to try the model", None, content="text/html"), "security": [{}]}},
        "/v2": {"get": _get("The server and its extensions", "ServerMetadata")},
        "/metrics": {"get": _get("Prometheus metrics", None, content="text/plain")},
        "/openapi.json": {"get": _get("This document", "Anything")},
    }


def _repository_paths(name: str) -> dict[str, Any]:
    """What Triton's clients also ask; nothing here changes the server."""
    nothing = {"requestBody": {"content": {JSON: {"schema": {"type": "object"}}}}}
    listed = {"type": "array", "items": {"type": "object"}}
    load = _post("Granted, when the model is loaded already", "Anything")
    unload = _post("Refused: aliases decide what is served", "Anything")
    return {
        "/v2/models/stats": {"get": _get("Rows and requests answered", "Statistics")},
        "/v2/repository/index": {
            "get": _get("The versions that answer", listed),
            "post": _post("The versions that answer", listed),
        },
        f"/v2/repository/models/{name}/load": {"post": {**load, **nothing}},
        f"/v2/repository/models/{name}/unload": {"post": {**unload, **nothing}},
        **{
            f"/v2/{what}": {
                "get": _get(words, "Anything"),
                "post": {**_post(f"{words}; a change is refused", "Anything"), **nothing},
            }
            for what, words in (("trace/setting", "Triton's tracing, always off here"), ("logging", "Triton's logging"))
        },
        "/v2/systemsharedmemory/status": {"get": _get("Always none", listed)},
        "/v2/cudasharedmemory/status": {"get": _get("Always none", listed)},
    }


def _admin_paths() -> dict[str, Any]:
    """Of a server with `serve.admin_token`."""
    actions = {
        "reload": "Look at the aliases now",
        "canary/promote": "Let the canary take its whole share",
        "canary/rollback": "Take the canary out",
    }
    secured: dict[str, Any] = {"security": [{"admin": []}]}
    return {
        "/admin/state": {"get": {**_get("Routes, canary and shadow", "Anything"), **secured}},
        **{
            f"/admin/{path}": {"post": {**_post(words, "Anything", "409"), **secured}}
            for path, words in actions.items()
        },
    }


def _get(summary: str, schema: str | dict[str, Any] | None, *more: str, content: str = JSON) -> dict[str, Any]:
    answer = {} if schema is None else {"schema": _ref(schema) if isinstance(schema, str) else schema}
    responses = {"200": {"description": "OK", "content": {content: answer}}, **_refused(*more)}
    if "503" in more and schema == "Ready":
        responses["503"] = {"description": "Not now", "content": {JSON: {"schema": _ref("Ready")}}}
    return {"summary": summary, "responses": responses}


def _post(summary: str, schema: str | dict[str, Any], *more: str) -> dict[str, Any]:
    return _get(summary, schema, *WITH_BODY, *more)


def _refused(*statuses: str) -> dict[str, Any]:
    content = {JSON: {"schema": _ref("Error")}}
    return {status: {"description": WORDS[status], "content": content} for status in sorted({*ALWAYS, *statuses})}


def _header(name: str, words: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": {"type": "string"}, "description": words}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
