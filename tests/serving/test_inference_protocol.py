"""The Open Inference Protocol gives the answers of `POST /predict`, and refuses what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

TYPES = {"smoker": "BOOL", "visits": "INT64", "city": "BYTES", "joined": "BYTES", "note": "BYTES", "visit": "BYTES"}
INFER = "/v2/models/clinic/infer"


def tensors(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "shape": [len(rows)], "datatype": TYPES.get(name, "FP64"), "data": [row[name] for row in rows]}
        for name in rows[0]
    ]


def test_tensors_are_answered_like_rows(app, asking, predict, row):
    rows = [row, {**row, "age": None, "visits": 9}]
    reply = asking(app, "POST", INFER, {"id": "mine", "inputs": tensors(*rows)})
    assert reply.status == 200, reply.body
    assert (reply.json["model_name"], reply.json["model_version"], reply.json["id"]) == ("clinic", "1", "mine")
    assert reply.headers["x-request-id"] == "mine"
    prediction, probability = reply.json["outputs"]
    expected = predict(rows).json["predictions"]
    assert prediction == {
        "name": "prediction",
        "datatype": "BYTES",
        "shape": [2],
        "data": [one["prediction"] for one in expected],
    }
    assert probability["shape"] == [2, 2]
    assert probability["data"] == [share for one in expected for share in one["probability"].values()]


def test_columns_may_have_shape_n_by_1_and_any_number_type(app, asking, row):
    inputs = tensors(row)
    for tensor in inputs:
        tensor |= {"shape": [1, 1], "data": [tensor["data"]]}
        if tensor["datatype"] == "FP64":
            tensor["datatype"] = "FP32"
    assert asking(app, "POST", INFER, {"inputs": inputs}).status == 200


def test_only_the_outputs_asked_for_are_sent(app, asking, row):
    request = {"inputs": tensors(row), "outputs": [{"name": "prediction"}]}
    assert [output["name"] for output in asking(app, "POST", INFER, request).json["outputs"]] == ["prediction"]


def test_metadata_names_what_infer_takes(app, asking):
    described = asking(app, "GET", "/v2/models/clinic/versions/1").json
    assert {tensor["name"]: tensor["datatype"] for tensor in described["inputs"]}["visits"] == "INT64"
    assert described["outputs"][1] == {"name": "probability", "datatype": "FP64", "shape": [-1, 2]}
    assert asking(app, "GET", "/v2/models/clinic/ready").json == {"ready": True}


def changed(name: str, **values: Any) -> Any:
    return lambda inputs: [{**tensor, **(values if tensor["name"] == name else {})} for tensor in inputs]


REFUSED = {
    "missing required": (lambda inputs: inputs[:1] + inputs[2:], "income.$ [k]"),
    "unknown input": (lambda inputs: [*inputs, {**inputs[0], "name": "agee"}], "agee"),
    "given twice": (lambda inputs: [*inputs, inputs[0]], "age"),
    "wrong datatype": (changed("age", datatype="BYTES"), "age"),
    "unknown datatype": (changed("age", datatype="FP128"), "age"),
    "wrong shape": (changed("age", shape=[2]), "age"),
    "negative shape": (changed("age", shape=[-1]), "age"),
    "two dimensions": (changed("age", shape=[1, 2], data=[1, 2]), "age"),
    "text in a number": (changed("age", data=["x"]), "age"),
    "number in a category": (changed("city", data=[5]), "city"),
    "null not allowed": (changed("visits", data=[None]), "visits"),
    "fraction in a whole number": (changed("visits", data=[0.5]), "visits"),
    "lengths differ": (changed("age", shape=[2], data=[1, 2]), None),
    "empty": (lambda inputs: [{**tensor, "shape": [0], "data": []} for tensor in inputs], None),
    "no inputs": (lambda inputs: [], "income.$ [k]"),
    "shape is no number": (changed("age", shape=["1"]), "age"),
    "data too deep": (changed("age", data=[[[1]]]), "age"),
    "too many rows": (
        lambda inputs: [{**tensor, "shape": [501], "data": tensor["data"] * 501} for tensor in inputs],
        None,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_by_name(app, asking, row, case):
    change, field = REFUSED[case]
    reply = asking(app, "POST", INFER, {"inputs": change(tensors(row))})
    assert reply.status == 422, reply.body
    assert reply.json.get("field") == field


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"inputs": 1}',
        b'{"inputs": [], "x": 1}',
        b'{"inputs": [{"name": "age"}]}',
        b'{"inputs": [{"name": "age", "shape": [0.5]}',
        b'{"inputs": [{"name": "age", "shape": [0.5]}], "inputs": []}',
        b"\xff\xfe",
        b"[" * 99999,
    ],
)
def test_a_body_that_is_no_request_is_refused(app, asking, body):
    assert asking(app, "POST", INFER, body).status in (400, 422)


def test_an_unknown_output_or_a_repeated_key_is_refused(app, asking, row):
    request = {"inputs": tensors(row), "outputs": [{"name": "probabilities"}]}
    reply = asking(app, "POST", INFER, request)
    assert (reply.status, 'did you mean "probability"' in reply.json["error"]) == (422, True)
    twice = json.dumps({"inputs": tensors(row)}).replace('"datatype"', '"datatype": "FP64", "datatype"', 1)
    assert asking(app, "POST", INFER, twice.encode()).status == 422


def test_an_id_that_is_no_header_is_echoed_in_the_body_only(app, asking, row):
    reply = asking(app, "POST", INFER, {"id": "a\r\nx: y", "inputs": tensors(row)})
    assert reply.json["id"] == "a\r\nx: y"
    assert "\r" not in reply.headers["x-request-id"]
