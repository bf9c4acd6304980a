"""What `POST /predict` answers and, above all, what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.serving.model import ServedModel
from modelwright.serving.refusals import RequestError


def changed(row: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {**row, **values}


def without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


def test_an_answer_has_model_version_request_id_and_one_prediction_per_row(predict, row):
    reply = predict([row, changed(row, smoker=False)])
    assert reply.status == 200
    assert reply.json.keys() == {"model", "version", "request_id", "predictions"}
    assert (reply.json["model"], reply.json["version"]) == ("clinic", 1)
    assert reply.headers["x-request-id"] == reply.json["request_id"]
    first, second = reply.json["predictions"]
    assert first["prediction"] in ("no", "yes")
    assert first["probability"].keys() == {"no", "yes"}
    assert first["probability"]["yes"] < second["probability"]["yes"]


def test_absent_null_and_empty_text_are_the_same_missing_value(predict, row):
    asked = [changed(row, city=None, age=None), without(without(row, "city"), "age"), changed(row, city="", age=None)]
    first, *others = predict(asked).json["predictions"]
    assert all(other == first for other in others)


def test_context_is_taken_and_never_scored(predict, row):
    bare, known, null = predict([row, changed(row, visit="v-1"), changed(row, visit=None)]).json["predictions"]
    assert bare == known == null


def test_a_whole_number_may_be_written_as_a_float(predict, row):
    plain, float_written = predict([row, changed(row, visits=3.0)]).json["predictions"]
    assert plain == float_written


def test_offsets_of_timestamps_count(predict, row):
    first, second = predict([row, changed(row, joined="2026-01-01T10:00:00+02:00")]).json["predictions"]
    assert first == second


REFUSED = {
    "missing field": (lambda row: without(row, "income.$ [k]"), "income.$ [k]", "is missing"),
    "unknown field": (lambda row: changed(row, citty="Kyiv"), "citty", 'did you mean "city"'),
    "target": (lambda row: changed(row, ill="yes"), "ill", "role: target"),
    "weight": (lambda row: changed(row, importance=1), "importance", "role: weight"),
    "ignored": (lambda row: changed(row, source="a"), "source", "role: ignore"),
    "text in a number": (lambda row: changed(row, age="41"), "age", "expected a number or null, got text"),
    "true in a number": (lambda row: changed(row, age=True), "age", "got true or false"),
    "list in a number": (lambda row: changed(row, age=[1]), "age", "got a list"),
    "object in a number": (lambda row: changed(row, age={}), "age", "got an object"),
    "number in a category": (lambda row: changed(row, city=5), "city", "expected text or null, got a whole number"),
    "number in a boolean": (lambda row: changed(row, smoker=1), "smoker", "expected true or false"),
    "fraction in a whole number": (lambda row: changed(row, visits=2.5), "visits", "whole number"),
    "whole number beyond float64": (lambda row: changed(row, visits=2**60), "visits", "expected a number <="),
    "null not allowed": (lambda row: changed(row, visits=None), "visits", "got null"),
    "empty text not allowed": (lambda row: changed(row, note=""), "note", "a value is required"),
    "long text": (lambda row: changed(row, note="x" * 101), "note", "longer than 100"),
    "long unknown name": (lambda row: changed(row, **{"x" * 5000: 1}), "x" * 5000, "unknown field"),
    "time without offset": (lambda row: changed(row, joined="2026-01-01T08:00:00"), "joined", "offset"),
    "no time at all": (lambda row: changed(row, joined="yesterday"), "joined", "timestamp"),
    "number as time": (lambda row: changed(row, joined=1767254400), "joined", "expected text"),
    "impossible time": (lambda row: changed(row, joined="2026-13-01T08:00:00Z"), "joined", ""),
    "number in the context": (lambda row: changed(row, visit=7), "visit", "expected text or null"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_field_that_does_not_fit_is_refused_by_name(predict, row, case):
    change, field, words = REFUSED[case]
    reply = predict([row, change(row)])
    assert reply.status == 422, reply.body
    assert reply.json["field"] == field
    assert reply.json["row"] == 1
    assert words in reply.json["error"]
    assert len(reply.json["error"]) < 500


BODIES = {
    "empty": (b"", 400),
    "not JSON": (b"rows", 400),
    "cut short": (b'{"rows": [{"age": 1', 400),
    "two values": (b'{"rows": []} {}', 422),
    "a list": (b"[]", 422),
    "null": (b"null", 422),
    "a number": (b"1", 422),
    "no rows": (b"{}", 422),
    "rows is no list": (b'{"rows": {}}', 422),
    "empty batch": (b'{"rows": []}', 422),
    "null as a row": (b'{"rows": [null]}', 422),
    "unknown key": (b'{"row": []}', 422),
    "UTF-16": ('{"rows": []}'.encode("utf-16"), 400),
    "byte order mark": (b'\xef\xbb\xbf{"rows": []}', 400),
    "deep nesting": (b'{"rows": ' + b"[" * 100_000, 422),
    "deep nesting in an unknown key": (b'{"x": ' + b"[" * 100_000, 422),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_is_no_request_is_refused(predict, case):
    body, status = BODIES[case]
    reply = predict(body)
    assert reply.status == status, reply.body
    assert reply.json["error"]


@pytest.mark.parametrize(
    ("name", "text", "status"),
    [
        ("age", "NaN", 400),
        ("age", "Infinity", 400),
        ("age", "-Infinity", 400),
        ("age", "1e999", 422),
        ("age", "9" * 400, 422),
        ("note", '"\\ud800"', 400),
        ("note", '"\\udc00\\ud800"', 400),
        ("note", '"\udcff"', 400),
        ("age", '{"a":' * 2000, 422),
    ],
)
def test_values_that_are_no_json_are_refused(predict, row, name, text, status):
    body = json.dumps({"rows": [without(row, name)]})[:-3] + f', "{name}": {text}' + "}]}"
    reply = predict(body.encode(errors="surrogateescape"))
    assert reply.status == status, reply.body


@pytest.mark.parametrize(
    "row_text", ['"age": 1, "age": 2', '"age": 2, "note": "a\\"b", "age": 1', '"age": 1, "\\u0061ge": 2']
)
def test_a_key_given_twice_is_refused(predict, row, row_text):
    rest = json.dumps(without(without(row, "age"), "note"))[1:-1]
    note = "" if "note" in row_text else ', "note": "x"'
    reply = predict(f'{{"rows": [{{{rest}{note}, {row_text}}}]}}'.encode())
    assert (reply.status, reply.json["field"]) == (422, "age")


def test_rows_given_twice_are_refused(predict, row):
    one = json.dumps([row])
    assert predict(f'{{"rows": {one}, "rows": {one}}}'.encode()).status == 422


def test_escaped_quotes_are_no_duplicate_keys(predict, row):
    assert predict([changed(row, note='a "quoted" \\ text', visit="\u0022")]).status == 200
    assert predict(json.dumps({"rows": [row]}).replace("knee", "\\u0022").encode()).status == 200


def test_too_many_rows_are_refused(predict, row):
    assert predict([row] * 500).status == 200
    reply = predict([row] * 501)
    assert (reply.status, reply.json["error"]) == (422, "rows: expected at most 500 rows")


def test_too_large_a_body_is_refused(predict, row):
    assert predict([changed(row, note="x" * 200_000)]).status == 413
    assert predict([row], **{"content-length": "999999999999"}).status == 413


def test_a_nul_in_text_reaches_the_graph_whole(predict, row):
    """ONNX Runtime must not cut the text at the NUL and take it for a known word."""
    known, other = predict([row, changed(row, note="knee\0")]).json["predictions"]
    assert known != other


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(values=st.dictionaries(st.sampled_from(["age", "visits", "smoker", "city", "joined", "note", "x"]), JSON_VALUES))
def test_any_row_is_answered_or_refused(model: ServedModel, values: dict[str, Any]):
    try:
        columns = model.decoder.decode(json.dumps({"rows": [values]}).encode())
        assert len(model.predictions(model.score(columns))) == 1
    except RequestError as refused:
        assert 400 <= refused.status < 500


@settings(max_examples=300, deadline=None)
@given(body=st.binary(max_size=200))
def test_any_bytes_are_answered_or_refused(model: ServedModel, body: bytes):
    with pytest.raises(RequestError):
        model.decoder.decode(body)
