"""The OpenAPI document is valid, complete and true."""

from __future__ import annotations

import re

import jsonschema
import pytest
from openapi_spec_validator import validate

from modelwright.serving.protocols.openapi import document


@pytest.fixture
def described(app, asking):
    return asking(app, "GET", "/openapi.json").json


def test_the_document_is_valid(described, bundle):
    validate(described)
    validate(document(bundle.signature))


def test_every_path_of_the_document_is_there(app, asking, described):
    for path, operations in described["paths"].items():
        for method in {"get", "post"} & operations.keys():
            if path.startswith("/admin"):
                continue
            reply = asking(app, method.upper(), path.replace("{version}", "1"))
            assert reply.status not in (404, 405, 500), (method, path, reply.body)
            assert str(reply.status) in operations[method]["responses"], (method, path)


def test_every_path_of_the_server_is_in_the_document(described, app):
    """Of those that the application lists; the patterns of the protocol are the tritonclient test's."""
    assert set(app._pages) <= described["paths"].keys()


def test_answers_are_as_described(app, asking, described, row):
    def check(name, content):
        schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
        jsonschema.validate(content, schema, jsonschema.Draft202012Validator)

    check("Predictions", asking(app, "POST", "/predict", {"rows": [row]}).json)
    check("Rows", {"rows": [row, {**row, "age": None}]})
    check("Error", asking(app, "POST", "/predict", {"rows": [{**row, "age": "x"}]}).json)
    check("ModelMetadata", asking(app, "GET", "/v2/models/clinic").json)
    check("ServerMetadata", asking(app, "GET", "/v2").json)
    check("Ready", asking(app, "GET", "/health/ready").json)
    with pytest.raises(jsonschema.ValidationError):
        check("Rows", {"rows": [{**row, "agee": 1}]})


def test_limits_ranges_and_categories_are_told(described, app):
    row = described["components"]["schemas"]["Row"]["properties"]
    learned = {"type": "number", "role": "input", "scored": True, "minimum": 18, "maximum": 90}
    assert row["age"]["x-learned"] == learned
    assert row["visit"]["x-learned"] == {"type": "text", "role": "id", "scored": False}
    assert row["city"]["x-learned"]["categories"] == ["Kyiv", "Lviv"]
    assert row["note"]["maxLength"] == app.limits.string_chars
    assert described["components"]["schemas"]["Rows"]["properties"]["rows"]["maxItems"] == app.limits.rows


def test_every_reference_leads_somewhere(described):
    text = str(described)
    names = set(re.findall(r"#/components/schemas/(\w+)", text))
    assert names <= described["components"]["schemas"].keys()
